// SPDX-License-Identifier: Apache-2.0

package power

import (
	"context"
	"errors"
	"fmt"
	"regexp"
)

// HTTP is a switch with three addresses, such as a Tasmota plug: http://PLUG/cm?cmnd=Power%20On.
type HTTP struct {
	OnURL    string `yaml:"on" json:"on"`
	OffURL   string `yaml:"off" json:"off"`
	StateURL string `yaml:"state" json:"state,omitempty"`
	// IsOn and IsOff are what the answer to state has in it, as regular expressions; Tasmota's {"POWER":"ON"} if they are empty.
	IsOn  string `yaml:"is-on" json:"is_on,omitempty"`
	IsOff string `yaml:"is-off" json:"is_off,omitempty"`

	on, off *regexp.Regexp
}

func (h *HTTP) check() (err error) {
	if h.OnURL == "" || h.OffURL == "" {
		return errors.New("http: want on: and off:, and state: if it can be had")
	}
	if h.StateURL == "" && (h.IsOn != "" || h.IsOff != "") {
		return errors.New("http: is-on and is-off have no effect without state")
	}
	if h.StateURL == "" {
		return nil
	}
	if h.IsOn == "" {
		h.IsOn = `"POWER1?"\s*:\s*"ON"`
	}
	if h.IsOff == "" {
		h.IsOff = `"POWER1?"\s*:\s*"OFF"`
	}
	if h.on, err = regexp.Compile(h.IsOn); err == nil {
		h.off, err = regexp.Compile(h.IsOff)
	}
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// On implements Switch.
func (h *HTTP) On(ctx context.Context) error {
	_, err := get(ctx, h.OnURL)
	return err
}

// Off implements Switch.
func (h *HTTP) Off(ctx context.Context) error {
	_, err := get(ctx, h.OffURL)
	return err
}

// State implements Switch.
func (h *HTTP) State(ctx context.Context) (State, error) {
	if h.StateURL == "" {
		return "", ErrNoState
	}
	said, err := get(ctx, h.StateURL)
	if err != nil {
		return "", err
	}
	on, off := h.on.MatchString(said), h.off.MatchString(said)
	switch {
	case on && !off:
		return On, nil
	case off && !on:
		return Off, nil
	}
	return "", fmt.Errorf("get %s: it says %.200q, which is neither is-on nor is-off", h.StateURL, said)
}
