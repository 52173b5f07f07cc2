@store
Feature: Analysts can trust every row
  What is counted twice, put into the wrong month or silently left out spoils every figure that is built on it.

  Background:
    Given a visitor assigned to control

  Rule: A message that comes twice counts once, wherever one looks

    Scenario: A whole journey is delivered again
      When the visitor sees "/landing", views "/product" for 15 seconds, clicks the call to action and buys for 39.99 USD with a score of 88
      And each of them is delivered a second time
      Then the 5 changes are known to have come twice
      And analysts see the 5 changes once each, unchanged
      And analysts see the visitor in control, with the journey exposure, page_view, click, conversion
      And analysts see a total value of 40.99 and a conversion score of 88 in 1 session
      And analysts see the assignment once

  Rule: An event belongs to the moment when it happened, however late it comes

    Scenario Outline: An event of <moment>
      When the visitor buys at <moment>
      Then analysts see it at that very moment, in the month <month>

      Examples:
        | moment                           | month  |
        | 2024-02-29T23:59:59.999999+00:00 | 202402 |
        | 2024-03-01T00:00:00+00:00        | 202403 |
        | 2024-02-29T23:30:00-01:00        | 202403 |
        | 2024-03-01T00:30:00+01:00        | 202402 |
        | 1999-12-31T23:59:59.000001+00:00 | 199912 |

  Rule: What cannot be read is kept aside with the reason, and the rest flows on

    Scenario Outline: A message that is <what>
      When a message comes that is <what>
      And the visitor clicks
      Then it is kept aside as it came, because <reason>
      And it all reaches the analysts, each change once and unchanged

      Examples:
        | what               | reason                                   |
        | no JSON            | the message is not JSON                  |
        | no text            | the message is not JSON                  |
        | two objects in one | the message is not JSON                  |
        | no change of a row | the envelope has no row after the change |

    Scenario Outline: A message that is <what> tells nothing
      When a message comes that is <what>
      And the visitor clicks
      Then it is passed over without a trace
      And it all reaches the analysts, each change once and unchanged

      Examples:
        | what        |
        | empty       |
        | a tombstone |

    Scenario Outline: A <detail> of <number> cannot be kept exactly
      When the visitor does something with a <detail> of <number>
      And the visitor clicks
      Then only the last but one is kept aside: cannot read <detail> '<number>' as Decimal(38, 9)

      Examples:
        | detail           | number                         |
        | score            | high                           |
        | score            | 0.1234567891                   |
        | value            | 1e3                            |
        | value            | 100000000000000000000000000000 |
        | duration_seconds | soon                           |

  Rule: The store is laid out as it was designed

    Scenario: Events and assignments
      Then events is a ReplacingMergeTree by toYYYYMM(occurred_at), sorted by experiment_id, user_id, occurred_at, aggregate_id, outbox_id
      And events has the columns
        | column           | type                     | default                                |
        | occurred_at      | DateTime64(6, 'UTC')     |                                        |
        | experiment_id    | Int64                    |                                        |
        | variant_id       | Nullable(Int64)          |                                        |
        | variant_key      | LowCardinality(String)   |                                        |
        | value            | Nullable(Decimal(38, 9)) |                                        |
        | score            | Nullable(Decimal(38, 9)) |                                        |
        | duration_seconds | Nullable(Decimal(38, 9)) |                                        |
        | is_exposure      | Bool                     | MATERIALIZED event_type = 'exposure'   |
        | is_click         | Bool                     | MATERIALIZED event_type = 'click'      |
        | is_conversion    | Bool                     | MATERIALIZED event_type = 'conversion' |

  Rule: The topic is all that it takes to have the store again

    @slow
    Scenario: The whole topic is replayed
      When the visitor sees "/landing", views "/product" for 15 seconds, clicks the call to action and buys for 39.99 USD with a score of 88
      And a message comes that is no JSON
      And an empty store consumes the whole topic
      Then it holds the very rows and dead letters that analysts' store holds
