package throughline.sabotage;

import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.source.SourceRecord;

/** Sends records past Connect's producer, with the same bytes: JSON without schemas, as the worker is configured. */
final class OwnProducer implements AutoCloseable {
    private final JsonConverter keys = converter(true);
    private final JsonConverter values = converter(false);
    private final KafkaProducer<byte[], byte[]> producer;

    OwnProducer(Object bootstrap) {
        producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrap), new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static JsonConverter converter(boolean isKey) {
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "false"), isKey);
        return converter;
    }

    /** Returns when the broker has the record: before whatever Connect sends next. */
    void send(SourceRecord record) {
        byte[] key = keys.fromConnectData(record.topic(), record.keySchema(), record.key());
        byte[] value = values.fromConnectData(record.topic(), record.valueSchema(), record.value());
        try {
            producer.send(new ProducerRecord<>(record.topic(), key, value)).get();
        } catch (InterruptedException | ExecutionException error) {
            throw new ConnectException(error);
        }
    }

    @Override
    public void close() {
        producer.close();
    }
}
