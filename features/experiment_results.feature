@results
Feature: Experiment results that a decision can rest on
  Whoever decides on an experiment reads a handful of figures.
  They are exact where they count, say how sure they are, and say nothing where nothing is known.

  Background:
    Given an experiment on shipping with half of the visitors in control and half in treatment

  Rule: Counts and revenue are exact

    Scenario: Several purchases, a refund and two currencies
      When these visitors take part in the experiment on shipping:
        | visitor | variant   | does                                                              |
        | Ada     | control   | sees /landing, buys for 39.99 USD, buys for 10.01 USD             |
        | Ben     | control   | sees /landing, buys for 20.10 USD, gets 20.05 USD back            |
        | Cleo    | control   | sees /landing                                                     |
        | Dai     | treatment | sees /landing, buys for 15.50 EUR, buys for 0.10 USD              |
        | Eva     | treatment | buys for 0.20 USD                                                 |
      Then the results of the experiment on shipping are:
        | variant   | visitors | exposed | buyers | rate  | purchases | revenue             |
        | control   | 3        | 3       | 2      | 66.7% | 3         | 50.05 USD           |
        | treatment | 2        | 1       | 2      | 100%  | 3         | 15.50 EUR, 0.30 USD |

    Scenario: Visitors who were never assigned are in no variant
      When these visitors take part in the experiment on shipping:
        | visitor | variant | does              |
        | Ada     | control | buys for 5.00 USD |
        | Finn    |         | buys for 9.00 USD |
      Then the results of the experiment on shipping are:
        | variant   | visitors | exposed | buyers | rate | purchases | revenue  |
        | control   | 1        | 0       | 1      | 100% | 1         | 5.00 USD |
        | treatment | 0        | 0       | 0      | 0%   | 0         |          |
      And 1 visitor of the experiment on shipping was never assigned

    @slow
    Scenario: The command line tells the same
      When these visitors take part in the experiment on shipping:
        | visitor | variant   | does                                      |
        | Ada     | control   | sees /landing, buys for 150.00 USD        |
        | Dai     | treatment | views /product for 9 seconds              |
      Then `throughline results` tells the same as the results of the experiment on shipping

  Rule: A variant wins when the data say so, however often one looks

    Scenario: The treatment is surely better
      When 100 visitors of control, of whom 10 buy for 10.00 USD, and 100 of treatment, of whom 50 buy for 12.00 USD, take part in the experiment on shipping
      Then the winner of the experiment on shipping is treatment
      And the rate of treatment is 40.0 percentage points above that of control, and the interval around that leaves out zero
      And the revenue per visitor of treatment is 5.00 USD above that of control, 500 percent more

    Scenario: One look would call it better, but it may be chance
      When 100 visitors of control, of whom 20 buy for 10.00 USD, and 100 of treatment, of whom 34 buy for 10.00 USD, take part in the experiment on shipping
      Then one look at the experiment on shipping would call treatment better
      But the experiment on shipping has no winner yet

    Scenario: There is too little data
      When 12 visitors of control, of whom 2 buy for 10.00 USD, and 12 of treatment, of whom 8 buy for 10.00 USD, take part in the experiment on shipping
      Then the experiment on shipping has no winner yet
      And the results of the experiment on shipping say "Too little data"

  Rule: Results that cannot be trusted are refused

    Scenario: Visitors are not divided as planned
      When 120 visitors of control, of whom 20 buy for 10.00 USD, and 60 of treatment, of whom 40 buy for 10.00 USD, take part in the experiment on shipping
      Then the results of the experiment on shipping say "SAMPLE RATIO MISMATCH"
      And nothing is compared in the experiment on shipping

    @slow
    Scenario: The command line refuses them, too
      When 20 visitors of control, of whom 2 buy for 10.00 USD, and 1 of treatment, of whom 0 buy for 10.00 USD, take part in the experiment on shipping
      Then `throughline results` says "SAMPLE RATIO MISMATCH" of the experiment on shipping and has exit status 1
