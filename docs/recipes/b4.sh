#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Judges a series from the list: b4.sh MESSAGE-ID, or MBOX=FILE b4.sh for one that is saved already.
set -eu
: "${BASE:=inline}" "${GATE_FLAGS:=}" "${MBOX:=}"
rm -rf series && mkdir series
if [ -n "$MBOX" ]; then
	b4 am --use-local-mbox "$MBOX" --outdir series --no-cover
else
	b4 am --outdir series --no-cover "$1"
fi
cat series/*.mbx >series/all.mbox
# shellcheck disable=SC2086 # GATE_FLAGS are words
exec lastpage gate --base "$BASE" --patch series/all.mbox --out runs/gate --quiet $GATE_FLAGS
