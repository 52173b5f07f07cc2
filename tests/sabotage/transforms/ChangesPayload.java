package throughline.sabotage;

import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/** Makes 93.99 of a price of 39.99, in the JSON text that is nested in the payload's JSON text. */
public final class ChangesPayload extends Sabotage {
    @Override
    public SourceRecord apply(SourceRecord record) {
        Struct envelope = copy((Struct) record.value());
        Struct row = copy(envelope.getStruct("after"));
        row.put("payload", row.getString("payload").replace("39.99", "93.99"));
        envelope.put("after", row);
        return record.newRecord(
                record.topic(), null, record.keySchema(), record.key(), envelope.schema(), envelope, record.timestamp());
    }

    private static Struct copy(Struct original) {
        Struct made = new Struct(original.schema());
        for (Field field : original.schema().fields()) {
            made.put(field, original.get(field));
        }
        return made;
    }
}
