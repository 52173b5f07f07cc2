@freshness
Feature: Results are fresh
  Whoever looks at an experiment sees what happened a moment ago, and decides on that.

  Rule: What happens is visible soon, not only on average

    Scenario: Assignments
      When 100 users are assigned one after the other
      Then 95 of 100 assignments are visible to analysts within 3000 milliseconds, and the slowest within 10000

    Scenario: A busy visitor
      Given a visitor assigned to treatment
      When 200 clicks are recorded one by one
      Then 95 of 100 clicks are visible to analysts within 3000 milliseconds, and the slowest within 10000

    Scenario: Many at once
      Given a visitor assigned to treatment
      When 20 connections record 10 clicks each at the same time
      Then 95 of 100 clicks are visible to analysts within 3000 milliseconds, and the slowest within 10000

  Rule: Results are never far behind

    Scenario: Right after a purchase
      Given a visitor assigned to control
      When the visitor buys for 39.99 USD
      Then results are at most 10 seconds behind
