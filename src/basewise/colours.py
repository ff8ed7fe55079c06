"""Colours that readers with any colour vision tell apart, after Okabe and Ito.

Source: https://jfly.uni-koeln.de/color
"""

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
YELLOW = "#F0E442"
BLACK = "#000000"
GREY = "#666666"
PALE_GREY = "#999999"

IN_TURN = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
