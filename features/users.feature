@users
Feature: Every user is in an experiment once, or not at all
  A user who saw both variants tells nothing about either.
  So a user has one variant of an experiment, by the weights that were planned, and keeps it.

  Background:
    Given an experiment of control and treatment

  Rule: A user is created once

    Scenario: A new user
      When a user is created
      Then the user exists and has no variant

    Scenario: A user who exists is refused
      Given a user
      When a user of the same id is created
      Then it is refused because the user exists

  Rule: A user has one variant of an experiment

    Scenario: A user is assigned
      Given a user
      When the user is assigned to treatment
      Then analysts see the user in treatment of the experiment, and nowhere else

    Scenario Outline: A user who is assigned is not assigned again, to <variant>
      Given a user
      And the user is assigned to control
      When someone tries to assign the user to <variant>
      Then it is refused because the user has a variant already
      And analysts see the user in control of the experiment, and nowhere else

      Examples:
        | variant   |
        | control   |
        | treatment |

    Scenario Outline: Two requests at once, and the first is <ending>
      Given a user
      When two requests assign the user at once, to control and to treatment, and the first is <ending>
      Then analysts see the user in <variant> of the experiment, and nowhere else

      Examples:
        | ending      | variant   |
        | committed   | control   |
        | rolled back | treatment |

    Scenario: Other experiments do not matter
      Given a user
      When the user is assigned to treatment
      And the user is assigned to control of another experiment too
      Then analysts see the user in treatment of the experiment, and nowhere else

  Rule: Variants get the share of the users that their weights say

    Scenario Outline: Weights of <weights>
      Given an experiment whose variants weigh <weights>
      When 200 users are assigned by weight
      Then each variant has its share of them, as far as chance goes
      And each would be given the same variant again
      And analysts see each user in that variant, and nowhere else

      Examples:
        | weights                      |
        | control 1, treatment 1       |
        | control 1, treatment 3       |
        | control 1, treatment 0       |
        | red 0.1, green 0.2, blue 0.7 |

  Rule: Only who can be assigned is

    Scenario Outline: An experiment that is <status> takes no users
      Given an experiment that is <status>
      And a user
      When someone tries to assign the user to control
      Then it is refused because the experiment is not running
      And the user exists and has no variant

      Examples:
        | status    |
        | draft     |
        | paused    |
        | completed |

    Scenario: Nobody is assigned who does not exist
      When someone tries to assign the user to control
      Then it is refused because there is no such user

    Scenario: A variant belongs to its experiment
      Given a user
      When someone tries to assign the user to a variant of another experiment
      Then it is refused because the variant is another experiment's

  Rule: An assignment and its announcement stand or fall together

    Scenario: The transaction is rolled back
      Given a user
      When the assignment to control is rolled back
      Then nothing of it is recorded
      And nothing of it is announced, and nothing ever reaches the analysts
      And analysts see nobody in the experiment
