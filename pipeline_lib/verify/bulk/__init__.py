"""The ledger of any number of messages: the facts by SQL inside ClickHouse, the verdict by the one ledger.

What was committed, what PostgreSQL has, the whole range of the topic (an audit of every message, read without a
consumer group) and the typed rows are held against each other in ClickHouse, in a database that stands only as long as
a verification. SQL does not decide: it selects the suspects, which are all messages that it does not know to have been
seen exactly once, unchanged and in order at every hop, and everything seen that was not committed. Only these are
loaded, some thousands at a time, and `ledger.judge` says what is wrong with them, if anything. So the memory of this
process does not grow with the number of messages.
"""
