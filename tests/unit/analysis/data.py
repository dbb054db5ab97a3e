"""Published data that several tests use."""

SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
"""Student 1908, as R's data set ``sleep``: extra hours of ten patients after each of two drugs."""

THREE_GROUPS = [
    [6.4, 6.8, 7.2, 8.3, 8.4, 9.1, 9.4, 9.7],
    [2.5, 3.7, 4.9, 5.4, 5.9, 8.1, 8.2],
    [1.3, 4.1, 4.9, 5.2, 5.5, 8.2],
]
