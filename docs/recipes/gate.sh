#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Judges patches: SERIES is a diff, an mbox or a folder of *.patch. The verdict goes to gate.txt and to standard output, a report for CI to
# gate.xml. The status is the gate's: 0 passed, 1 failed, 2 cannot tell, 3 the lab or the usage failed.
set -u
: "${SERIES:?the patches}" "${BASE:=inline}" "${GATE_FLAGS:=}"
status=0
# shellcheck disable=SC2086 # GATE_FLAGS are words
lastpage gate --base "$BASE" --patch "$SERIES" --out runs/gate --format junit --report gate.xml --quiet $GATE_FLAGS >gate.txt || status=$?
cat gate.txt
exit "$status"
