@outbox
Feature: Whatever happens is announced, once and completely
  The announcement of a change is written in the transaction of the change.
  So nothing happens unannounced, and nothing is announced that did not happen.

  Background:
    Given a visitor assigned to control

  Rule: A change and its announcement stand or fall together

    Scenario: What is recorded is announced with it
      When the visitor clicks
      Then each of the 2 changes was announced in the same transaction, with its details

    Scenario Outline: What fails is neither recorded nor announced
      When a click is recorded and <mishap>
      Then nothing of it is recorded
      And nothing of it is announced, and nothing ever reaches the analysts

      Examples:
        | mishap                                             |
        | the transaction is rolled back                     |
        | a later statement fails                            |
        | another announcement of the transaction is refused |

    Scenario: After a failure the application goes on
      When a click is recorded and a later statement fails
      And the visitor clicks
      Then it all reaches the analysts, each change once and unchanged

  Rule: Announcements come in the order in which the changes came to stand

    Scenario: A transaction that is overtaken is announced last
      When two transactions record a click each, and the one that began last is committed first
      Then the 2 clicks are published in the order of their commits

    Scenario: Fifty writers at once
      When 50 connections record 5 clicks each at the same time
      Then it all reaches the analysts, each change once and unchanged

  Rule: An announcement looks as it was agreed with those who read it

    Scenario: Assignments and events keep to the contract
      When the visitor sees "/landing", views "/product" for 15 seconds, clicks the call to action and buys for 39.99 USD with a score of 88
      Then each of the 5 announcements keeps to version 1 of the contract

  Rule: Details arrive as they were written

    Scenario Outline: A text <kind>
      When the visitor opens a page whose name is a text <kind>
      Then it all reaches the analysts, each change once and unchanged
      And analysts see that very text

      Examples:
        | kind                    |
        | in several scripts      |
        | with emoji              |
        | with combining marks    |
        | with quotes             |
        | with backslashes        |
        | with control characters |
        | that looks like JSON    |
        | that looks like SQL     |
        | of a megabyte           |

    Scenario Outline: An amount of <amount>
      When the visitor buys for <amount> USD
      Then it all reaches the analysts, each change once and unchanged
      And analysts see a value of <amount>

      Examples:
        | amount                                   |
        | 0                                        |
        | 0.10                                     |
        | 0.000000001                              |
        | -39.99                                   |
        | 9007199254740993                         |
        | 99999999999999999999999999999.999999999  |
        | -99999999999999999999999999999.999999999 |

    Scenario Outline: A number that needs 64 bits: <number>
      When the visitor buys under the order number <number>
      Then it all reaches the analysts, each change once and unchanged
      And analysts see the order number <number>

      Examples:
        | number               |
        | 9223372036854775807  |
        | -9223372036854775808 |
        | 18446744073709551615 |

    Scenario: Details within details
      When the visitor buys a cart for 20 with goods in it for 15 and 5
      Then it all reaches the analysts, each change once and unchanged
      And analysts see a value of 20

    Scenario Outline: A value that is <absent>
      When the visitor does something whose value is <absent>
      Then it all reaches the analysts, each change once and unchanged
      And analysts see a value of 0

      Examples:
        | absent        |
        | null          |
        | missing       |
        | in no details |
