package throughline.sabotage;

import java.util.Map;
import org.apache.kafka.connect.source.SourceRecord;

/** Sends a copy of each record with a producer of its own, and lets the record pass. */
public final class Duplicates extends Sabotage {
    private OwnProducer own;

    @Override
    public void configure(Map<String, ?> settings) {
        own = new OwnProducer(settings.get(BOOTSTRAP));
    }

    @Override
    public SourceRecord apply(SourceRecord record) {
        own.send(record);
        return record;
    }

    @Override
    public void close() {
        own.close();
    }
}
