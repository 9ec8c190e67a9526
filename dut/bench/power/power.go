// SPDX-License-Identifier: Apache-2.0

// Package power switches a board's power. In: the part of an inventory's entry that names a switch. Out: a Switch, and errors whose first
// cause is the switch's own answer.
//
// A switch that says yes has not done it yet: some answer before they act. Turn asks it for its state afterwards, where it can tell.
package power

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// State is what a switch says of itself.
type State string

// States.
const (
	On  State = "on"
	Off State = "off"
)

// ErrNoState: this switch cannot be asked.
var ErrNoState = errors.New("this switch cannot tell its state")

// Switch is a power switch.
type Switch interface {
	On(ctx context.Context) error
	Off(ctx context.Context) error
	// State is what the switch says now; ErrNoState if it cannot be asked.
	State(ctx context.Context) (State, error)
}

// Button is what raises an NMI.
type Button interface {
	Press(ctx context.Context) error
}

// Config is the part of an inventory's entry that names a switch: exactly one of its fields.
type Config struct {
	Command   *Command   `yaml:"command" json:"command,omitempty"`
	IPMI      *IPMI      `yaml:"ipmi" json:"ipmi,omitempty"`
	PDUDaemon *PDUDaemon `yaml:"pdudaemon" json:"pdudaemon,omitempty"`
	HTTP      *HTTP      `yaml:"http" json:"http,omitempty"`
	SNMP      *SNMP      `yaml:"snmp" json:"snmp,omitempty"`
}

// New makes the switch.
func (c *Config) New() (Switch, error) {
	var all []Switch
	var err error
	add := func(given bool, s Switch, check func() error) {
		if given {
			all = append(all, s)
			err = errors.Join(err, check())
		}
	}
	add(c.Command != nil, c.Command, func() error { return c.Command.check() })
	add(c.IPMI != nil, c.IPMI, func() error { return c.IPMI.check() })
	add(c.PDUDaemon != nil, c.PDUDaemon, func() error { return c.PDUDaemon.check() })
	add(c.HTTP != nil, c.HTTP, func() error { return c.HTTP.check() })
	add(c.SNMP != nil, c.SNMP, func() error { return c.SNMP.check() })
	if len(all) != 1 {
		return nil, fmt.Errorf("power: %d switches, want exactly one of command, ipmi, pdudaemon, http, snmp", len(all))
	}
	if err != nil {
		return nil, fmt.Errorf("power: %w", err)
	}
	return all[0], nil
}

// askEvery is how often a switch is asked whether it has done it.
const askEvery = 200 * time.Millisecond

// Turn switches, and asks until the switch says that it has; verified is false if it cannot tell. The error says which of the two failed.
func Turn(ctx context.Context, s Switch, want State, limit time.Duration) (verified bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it was not done after %s", limit))
	defer cancel()
	do := s.Off
	if want == On {
		do = s.On
	}
	if err := do(ctx); err != nil {
		return false, fmt.Errorf("power %s: %w", want, err)
	}
	var last error
	for said := State(""); ; {
		state, err := s.State(ctx)
		switch {
		case errors.Is(err, ErrNoState):
			return false, nil
		case err == nil && state == want:
			return true, nil
		case err == nil:
			said, last = state, nil
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-ctx.Done():
			if last != nil {
				return false, fmt.Errorf("power %s: it was done, and then the switch does not tell its state: %w", want, last)
			}
			return false, fmt.Errorf("power %s: the switch took the order, and after %s it still says %q: look whether it is the right outlet", want, limit, said)
		case <-time.After(askEvery):
		}
	}
}
