@journeys
Feature: A journey reads as it was made
  Analysts follow visitors from the first page to the purchase, and add up what they spent.

  Rule: A journey goes by the events' own times

    Scenario: Events that come late
      Given a visitor assigned to control
      When the visitor's events are recorded in the order conversion, exposure, click, having happened as exposure, click, conversion
      Then analysts see the visitor in control, with the journey exposure, click, conversion

    Scenario: Events of the same moment
      Given a visitor assigned to control
      When 5 events of the visitor happen at the same moment
      Then analysts see the 5 in the order of their ids, each time they look

  Rule: A journey is the visitor's in one experiment, and adds up

    Scenario: Two sessions
      Given a visitor assigned to control
      When the visitor buys for 10.10 USD
      And the visitor comes back in another session
      And the visitor buys for 20.20 USD
      Then analysts see a total value of 30.30 and a conversion score of 1 in 2 sessions

    Scenario: A purchase that is given back
      Given a visitor assigned to control
      When the visitor buys for 39.99 USD
      And the visitor buys for 0.02 USD
      And the visitor is given back 39.99 USD
      Then analysts see a total value of 0.02 and a conversion score of 1 in 1 session

    Scenario: Cents add up, without a rest
      Given a visitor assigned to control
      When the visitor buys for 0.10 USD
      And the visitor buys for 0.20 USD
      Then analysts see a total value of 0.30 and a conversion score of 1 in 1 session

    Scenario: Time on pages
      Given a visitor assigned to control
      When the visitor stays 15 seconds on "/product", 20 on "/cart" and 5 more on "/product"
      Then analysts see that the visitor stayed 20 seconds on "/product" and 20 on "/cart"

    Scenario: A visitor of two experiments
      Given an experiment of control and treatment
      And a user
      And the user is assigned to treatment
      When the visitor buys for 5 USD
      And the user is assigned to control of another experiment too, and buys there for 7 USD
      Then analysts see a journey of treatment worth 5 and one of control in the other experiment worth 7

    Scenario: A visitor who was never assigned
      Given a user
      When the visitor clicks
      Then analysts see a journey without a variant: click

    Scenario: Many visitors at once
      When 30 visitors make the journey of the report at the same time
      Then analysts see each of them in control, with the journey exposure, page_view, click, conversion and a value of 40.99
