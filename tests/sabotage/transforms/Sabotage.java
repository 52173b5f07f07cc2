package throughline.sabotage;

import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * A transform that breaks what passes. Debezium's records come here as Structs, before a converter has made bytes of
 * them, and each becomes one record or none: what sends more has a producer of its own (`OwnProducer`).
 */
abstract class Sabotage implements Transformation<SourceRecord> {
    static final String BOOTSTRAP = "bootstrap.servers";
    static final String AGGREGATES = "aggregates";

    @Override
    public ConfigDef config() {
        return new ConfigDef()
                .define(BOOTSTRAP, ConfigDef.Type.STRING, "", ConfigDef.Importance.LOW, "for a producer of its own")
                .define(AGGREGATES, ConfigDef.Type.STRING, "", ConfigDef.Importance.LOW, "whose id begins so");
    }

    @Override
    public void configure(Map<String, ?> settings) {}

    @Override
    public void close() {}
}
