Feature: A visitor's journey reaches the analysts
  Experiment results are only as good as the events behind them.
  Whatever a visitor does, analysts see it once, unchanged and soon.

  Background:
    Given the checkout experiment is running with variants control and treatment

  Rule: Every recorded action becomes exactly one row for the analysts

    Scenario: A visitor converts
      Given a visitor assigned to control
      When the visitor sees "/landing", views "/product" for 15 seconds, clicks the call to action and buys for 39.99 USD with a score of 88
      Then the assignment and the 4 actions are recorded
      And each of the 5 changes was announced in the same transaction, with its details
      And the 5 changes are captured
      And the 5 changes are published once each, in the order they were made
      And analysts see the 5 changes once each, unchanged
      And analysts see the visitor in control, with the journey exposure, page_view, click, conversion
      And analysts see a total value of 40.99 and a conversion score of 88 in 1 session

  Rule: What was rolled back never happened

    Scenario: The payment fails after the click was recorded
      Given a visitor assigned to control
      When a click is recorded and the transaction is rolled back
      Then the click never reaches the analysts
      And the visitor's assignment does
