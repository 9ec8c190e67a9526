// SPDX-License-Identifier: Apache-2.0

// Package config holds the configuration of the kernels that are built here: one fragment on top of tinyconfig.
package config

import (
	_ "embed"

	"lastpage/kernels/build"
)

//go:embed lastpage.config
var fragment []byte

// objects is how many objects 7.3 compiles for the fragment. It was counted, and is where a first build's progress comes from.
const objects = 1064

// Lastpage is the small kernel of the test machine.
func Lastpage() build.Config { return build.Config{Fragment: fragment, Objects: objects} }
