package throughline.sabotage;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Holds the first record of a key back until the second has come, sends that one with a producer of its own, and only
 * then lets the first pass. Keys that have one record alone are not its business: it is told how its aggregates begin.
 */
public final class Swaps extends Sabotage {
    private final Map<String, SourceRecord> held = new HashMap<>();
    private OwnProducer own;
    private String prefix;

    @Override
    public void configure(Map<String, ?> settings) {
        own = new OwnProducer(settings.get(BOOTSTRAP));
        prefix = settings.get(AGGREGATES).toString();
    }

    @Override
    public SourceRecord apply(SourceRecord record) {
        String aggregate = ((Struct) record.key()).getString("aggregate_id");
        if (!aggregate.startsWith(prefix)) {
            return record;
        }
        SourceRecord first = held.remove(aggregate);
        if (first == null) {
            held.put(aggregate, record);
            return null;
        }
        own.send(record);
        return first;
    }

    @Override
    public void close() {
        own.close();
    }
}
