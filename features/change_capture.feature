@capture
Feature: No change is lost on its way out of the database
  Whatever happens to the connector, to the tables or to the size of a transaction, each announcement leaves the
  database, and nothing else does.

  Background:
    Given a visitor assigned to control

  Rule: Who begins late misses nothing

    Scenario: Changes from before, and changes meanwhile
      When another connector begins after 100 clicks, while more are made
      Then it publishes each change once, those from before as they stood and the others as they came

  Rule: An interruption loses nothing

    @alone
    Scenario Outline: The connector is <interrupted>, and goes on
      When the visitor clicks
      And the visitor clicks while the connector is <interrupted>
      And the visitor clicks
      Then it all reaches the analysts, each change once and unchanged

      Examples:
        | interrupted |
        | paused      |
        | deleted     |

    @alone
    Scenario: The connector is restarted
      When the visitor clicks
      And the connector is restarted
      And the visitor clicks
      Then it all reaches the analysts, each change once and unchanged

    @alone @slow @needs_kill
    Scenario: The connector's machine goes down and comes back
      When the visitor clicks, the connector's worker is killed, and the visitor clicks again
      Then it all reaches the analysts, each change once and unchanged

  Rule: Announcements are published when they are made, and nothing else is

    Scenario: Announcements are tidied up afterwards
      When all announcements of the visitor are changed and then deleted
      Then nothing more is published of them

    Scenario: Something is written and not announced
      When the database is written to, and nothing is announced
      And the visitor clicks
      Then nothing is published of what was not announced

  Rule: The database need not keep what was published

    @slow
    Scenario: After a change
      When the visitor clicks
      Then the connector lets go of all that was written

    @alone @slow
    Scenario: While nothing is announced
      When the database is written to, and nothing is announced
      Then the connector lets go of all that was written

  Rule: What announcements look like may change while they flow

    @alone
    Scenario: A column more
      When announcements get another column
      And the visitor clicks
      Then the last change is published with it
      And it all reaches the analysts, each change once and unchanged

    Scenario: A name that nobody knows
      When an announcement calls the user by another name
      And the visitor clicks
      Then only the last but one is kept aside: the payload has no user_id

  Rule: Transactions may be of any size and length

    @alone @slow
    Scenario: A large one
      When 100000 changes are committed in one transaction
      Then the 100000 changes reach the analysts, each once and unchanged

    Scenario: One that stays open
      When a click is recorded, and while its transaction stays open 3 more reach the analysts
      Then it all reaches the analysts, each change once and unchanged

    Scenario: Many small ones
      When 100 clicks are recorded one by one
      Then it all reaches the analysts, each change once and unchanged
