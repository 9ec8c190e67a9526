// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"context"
	"errors"
	"fmt"

	"lastpage/kernels/build"
	"lastpage/kernels/debian"
	"lastpage/kernels/store"
)

// Forecast is what Prepare would have to do for a kernel.
type Forecast struct {
	Kernel string
	Ready  bool          // nothing
	Fetch  []debian.Need // of Debian's archive
	// Source is what a kernel is compiled from, if it would be; "": it would not. Fetched: over the network, in a size that nobody knows.
	Source  string
	Fetched bool
	// Like is the last build on this machine of as many objects; nil: there is none to go by.
	Like *build.Kernel
}

// Forecast looks at what lies on this machine. It fetches, builds and writes nothing.
func (c *Catalogue) Forecast(ctx context.Context, name string) (*Forecast, error) {
	k, err := c.Kernel(name)
	if err != nil {
		return nil, err
	}
	f := &Forecast{Kernel: name}
	_, err = c.Cached(ctx, name)
	var absent *store.AbsentError
	switch {
	case err == nil:
		f.Ready = true
		return f, nil
	case !errors.As(err, &absent):
		return nil, err
	case k.Source.DebianImage != nil:
		f.Fetch = debian.KernelNeeds(ctx, *k.Source.DebianImage)
		return f, nil
	case k.Source.Image != nil:
		return f, nil // nothing is fetched
	case k.Source.Build == nil:
		return nil, fmt.Errorf("kernel %s: the entry names no source", name)
	}
	b := k.Source.Build
	f.Source, f.Fetched = b.String(), b.Git != ""
	if b.Package != nil {
		f.Fetch = debian.Needs(ctx, *b.Package)
	}
	if b.Config == "" {
		s, err := b.spec()
		if err != nil {
			return nil, err
		}
		f.Like = build.Like(s.Config.Objects)
	}
	return f, nil
}
