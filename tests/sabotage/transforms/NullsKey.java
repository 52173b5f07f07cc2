package throughline.sabotage;

import org.apache.kafka.connect.source.SourceRecord;

/** Takes the key away, so that nothing keeps an aggregate's records in one partition. */
public final class NullsKey extends Sabotage {
    @Override
    public SourceRecord apply(SourceRecord record) {
        return record.newRecord(
                record.topic(), null, null, null, record.valueSchema(), record.value(), record.timestamp());
    }
}
