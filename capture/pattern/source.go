// SPDX-License-Identifier: Apache-2.0

package pattern

import "embed"

// Source is this package as a program needs it that is compiled for a board.
//
//go:embed doc.go frame.go sender.go reader.go align.go result.go account.go
var Source embed.FS
