// SPDX-License-Identifier: Apache-2.0

package plan

import "embed"

// Source is this package as the guest's init needs it.
//
//go:embed plan.go event.go record.go message.go doorbell.go run.go report.go kdump.go address.go pstore.go span.go
var Source embed.FS
