#!/bin/sh
# One pulse of the PIR, 0.2 s long: the line goes high and low as a PIR's output does.
echo pull-up > /run/header/sim_gpio17/pull
sleep 0.2
echo pull-down > /run/header/sim_gpio17/pull
