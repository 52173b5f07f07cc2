@journeys
Feature: Journeys and revenue, as they happened
  How visitors went, how far they got and what they brought in is told by the times at which they acted,
  whenever it was recorded.

  Background:
    Given an experiment on search with half of the visitors in control and half in treatment

  Rule: A journey is told in the order in which it happened

    Scenario: What happened first is recorded last
      When Ada of control sees "/landing", clicks and buys in the experiment on search, and it is recorded in the opposite order
      Then analysts see that Ada went exposure, click, conversion in the experiment on search

    Scenario: Everything happens at the same moment
      When Ada of control sees "/landing", clicks and buys in the experiment on search, all at the same moment
      Then analysts see Ada's actions in the experiment on search in the order of their ids, each time they ask

    Scenario: A visitor comes back
      When these visitors take part in the experiment on search:
        | visitor | variant | does                                                    |
        | Ada     | control | sees /landing, clicks; sees /landing, buys for 7.50 USD |
      Then analysts see that Ada went exposure, click, exposure, conversion in the experiment on search
      And analysts see 2 sessions of Ada in the experiment on search

    Scenario: The ways of many visitors
      When these visitors take part in the experiment on search:
        | visitor | variant   | does                                    |
        | Ada     | control   | sees /landing, clicks                   |
        | Ben     | control   | sees /landing, clicks                   |
        | Cleo    | treatment | sees /landing, clicks, buys for 3.00 USD |
      Then the most frequent journeys of the experiment on search are:
        | variant   | journey                     | visitors |
        | control   | exposure, click             | 2        |
        | treatment | exposure, click, conversion | 1        |

  Rule: A funnel counts who took the steps in their order

    Scenario: Each visitor gets so far
      When these visitors take part in the experiment on search:
        | visitor | variant   | does                                                                        |
        | Ada     | control   | sees /landing, views /product for 9 seconds, clicks, buys for 7.50 USD      |
        | Ben     | control   | sees /landing, views /product for 4 seconds                                 |
        | Cleo    | control   | buys for 1.00 USD, clicks, views /product for 2 seconds, sees /landing      |
        | Dai     | treatment | sees /landing, sees /landing, views /product for 8 seconds, clicks          |
        | Eva     |           | sees /landing, views /product for 8 seconds                                 |
      Then the funnel of the experiment on search is:
        | variant   | exposure | page_view | click | conversion |
        | control   | 3        | 2         | 1     | 1          |
        | treatment | 1        | 1         | 1     | 0          |

    Scenario: Time on page
      When these visitors take part in the experiment on search:
        | visitor | variant   | does                                                         |
        | Ada     | control   | views /product for 9 seconds, views /product for 3 seconds   |
        | Ben     | control   | views /landing for 4 seconds                                 |
        | Dai     | treatment | views /product for 5 seconds                                 |
      Then the time on page in the experiment on search is:
        | variant   | page     | views | seconds | on average |
        | control   | /landing | 1     | 4       | 4          |
        | control   | /product | 2     | 12      | 6          |
        | treatment | /product | 1     | 5       | 5          |

  Rule: Revenue belongs to the variant that brought it in

    Scenario: What was bought before the assignment does not count
      When these visitors take part in the experiment on search:
        | visitor | variant | before            | does              |
        | Ada     | control | buys for 7.00 USD | buys for 3.00 USD |
      Then the revenue of the experiment on search is:
        | variant   | revenue  |
        | control   | 3.00 USD |
        | treatment |          |

    Scenario: More is given back than was bought
      When these visitors take part in the experiment on search:
        | visitor | variant   | before             | does                                     |
        | Ada     | control   | buys for 80.00 EUR | gets 80.00 EUR back                      |
        | Ben     | treatment |                    | buys for 10.00 USD, gets 2.50 USD back   |
      Then the revenue of the experiment on search is:
        | variant   | revenue    |
        | control   | -80.00 EUR |
        | treatment | 7.50 USD   |

    Scenario: A visitor in two experiments counts in each for what happened there
      Given an experiment on pricing with half of the visitors in control and half in treatment
      When these visitors take part in the experiment on search:
        | visitor | variant | does              |
        | Ada     | control | buys for 3.00 USD |
      And these visitors take part in the experiment on pricing:
        | visitor | variant   | does              |
        | Ada     | treatment | buys for 4.00 USD |
      Then the revenue of the experiment on search is:
        | variant   | revenue  |
        | control   | 3.00 USD |
        | treatment |          |
      And the revenue of the experiment on pricing is:
        | variant   | revenue  |
        | control   |          |
        | treatment | 4.00 USD |
