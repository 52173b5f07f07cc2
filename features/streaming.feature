@streaming
Feature: Any consumer can rely on the topic
  The analysts' store is one consumer of the topic. Whoever comes next can build on the same promises.

  Background:
    Given a visitor assigned to control

  Rule: A message is the change as it was committed

    Scenario: The envelope is exact
      When the visitor sees "/landing", views "/product" for 15 seconds, clicks the call to action and buys for 39.99 USD with a score of 88
      And a second consumer reads their messages
      Then each message is exactly the envelope of its outbox row

    Scenario: Headers tell of the origin
      When the visitor clicks
      And a second consumer reads their messages
      Then each message says in its headers which connector and task it comes from

  Rule: What belongs together stays together, and in order

    Scenario: Orders that change again and again
      When 40 orders change 5 times each, in turn
      Then all changes of an order are in the partition that its key says, in the order they were made
      And the orders are spread over the partitions

  Rule: What was published can be read again

    @slow
    Scenario: A second consumer sees all
      When the visitor clicks
      And a second consumer reads the topic from its beginning
      Then it sees each change once, byte for byte what the first consumer saw, and in the same place

    Scenario: Messages are kept for a while
      Then the topic keeps every message for 7 days at least
