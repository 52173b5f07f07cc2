-- The dead letter of a place in the topic; the message in hexadecimal, as it need not be text.
SELECT reason, hex(raw) AS raw
FROM dead_letters FINAL
WHERE kafka_topic = {topic:String} AND kafka_partition = {partition:UInt32} AND kafka_offset = {offset:UInt64}
