// SPDX-License-Identifier: Apache-2.0

// Package debian brings packages of the Debian archive into the store. It asks the machine's own apt, with the machine's own
// mirrors, proxies and keys, but with private lists and caches, so the state of the user's apt is neither needed nor touched,
// no privilege is needed and nothing is installed. apt checks the signatures.
//
// In: a name or glob and a suite. Out: a .deb in the store and what it is exactly (Provenance). What a request resolved to is
// remembered, so that a machine without network keeps working with what it has, and with the same versions.
package debian

// Request names a package.
type Request struct {
	// Package is a name or a glob in which '*' and '?' stand for anything but '-': "linux-image-6.12.*-amd64-unsigned" does
	// not match the rt and cloud flavours. Of several matches the one with the highest version is taken.
	Package string `yaml:"package" json:"package"`
	// Suite is a suite of the machine's main Debian mirror, such as "trixie-backports"; empty means the suites of the
	// machine's own release (with its updates and security).
	Suite string `yaml:"suite,omitempty" json:"suite,omitempty"`
	// Version, if not empty, is the one version wanted.
	Version string `yaml:"version,omitempty" json:"version,omitempty"`
	// Refresh looks for a newer version even if an earlier answer is remembered.
	Refresh bool `yaml:"-" json:"-"`
}

// Provenance says exactly which package was used.
type Provenance struct {
	Package string `json:"package"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`            // bytes of the .deb
	Suite   string `json:"suite,omitempty"` // as asked
	Depends string `json:"-"`
}
