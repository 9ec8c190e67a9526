// SPDX-License-Identifier: Apache-2.0

package power

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lastpage/dut/bench/command"
)

// Command is a switch made of command lines.
type Command struct {
	OnLine    string `yaml:"on" json:"on"`
	OffLine   string `yaml:"off" json:"off"`
	StateLine string `yaml:"state" json:"state,omitempty"` // prints a line whose last word is on or off
}

// commandLimit bounds one command. A PDU that is asked over the network may take some seconds.
const commandLimit = 30 * time.Second

func (c *Command) check() error {
	if c.OnLine == "" || c.OffLine == "" {
		return errors.New("command: want on: and off:, and state: if it can be had")
	}
	return nil
}

// On implements Switch.
func (c *Command) On(ctx context.Context) error {
	_, err := command.Run(ctx, c.OnLine, commandLimit)
	return err
}

// Off implements Switch.
func (c *Command) Off(ctx context.Context) error {
	_, err := command.Run(ctx, c.OffLine, commandLimit)
	return err
}

// State implements Switch.
func (c *Command) State(ctx context.Context) (State, error) {
	if c.StateLine == "" {
		return "", ErrNoState
	}
	said, err := command.Run(ctx, c.StateLine, commandLimit)
	if err != nil {
		return "", err
	}
	return parseState(said)
}

// parseState reads what a switch says: "on", "Chassis Power is off", "ON".
func parseState(said string) (State, error) {
	words := strings.Fields(strings.ToLower(said))
	if len(words) > 0 {
		switch s := State(words[len(words)-1]); s {
		case On, Off:
			return s, nil
		}
	}
	return "", fmt.Errorf("it says %q, which does not end in on or off", said)
}

// Line is a button that is a command line.
type Line string

// Press implements Button.
func (l Line) Press(ctx context.Context) error {
	_, err := command.Run(ctx, string(l), commandLimit)
	return err
}
