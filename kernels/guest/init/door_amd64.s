// SPDX-License-Identifier: Apache-2.0

#include "textflag.h"

// func outl(port uint16, word uint32)
TEXT ·outl(SB), NOSPLIT, $0-8
	MOVW port+0(FP), DX
	MOVL word+4(FP), AX
	OUTL
	RET
