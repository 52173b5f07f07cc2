package throughline.sabotage;

import org.apache.kafka.connect.source.SourceRecord;

/** Drops every seventh record that it is given since it was configured. */
public final class DropsEverySeventh extends Sabotage {
    private int given;

    @Override
    public SourceRecord apply(SourceRecord record) {
        given++;
        return given % 7 == 0 ? null : record;
    }
}
