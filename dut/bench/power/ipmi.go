// SPDX-License-Identifier: Apache-2.0

package power

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bougou/go-ipmi"
)

// IPMI is a BMC, spoken to by IPMI 2.0 over UDP. It is a Switch, and the Button of `chassis power diag`.
type IPMI struct {
	Host     string `yaml:"host" json:"host"`
	Port     int    `yaml:"port" json:"port"`
	User     string `yaml:"user" json:"user"`
	Password string `yaml:"password" json:"-"`
}

const (
	ipmiPort  = 623
	ipmiLimit = 20 * time.Second // of one request with its session
	openLimit = 6 * time.Second  // of one try to open a session
	openTries = 3
)

func (i *IPMI) check() error {
	if i.Host == "" || i.User == "" {
		return errors.New("ipmi: host, user and password are wanted")
	}
	if i.Port == 0 {
		i.Port = ipmiPort
	}
	return nil
}

// Check says what is missing of a BMC that is only a button.
func (i *IPMI) Check() error { return i.check() }

// errPassword is what the two sides' sums in RAKP 2 say when they differ: they are keyed by the password.
var errPassword = errors.New("its answer is signed with another password")

// session opens one for f. A session is not kept: a BMC ends it after a minute of silence. One that was not opened is opened anew: where a BMC
// answers late, what is sent again spoils the exchange of keys, and it is silent from then on. A wrong password is not tried again.
func (i *IPMI) session(ctx context.Context, f func(context.Context, *ipmi.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, ipmiLimit)
	defer cancel()
	c, err := i.open(ctx)
	for try := 1; try < openTries && err != nil && ctx.Err() == nil && !refused(err); try++ {
		c, err = i.open(ctx)
	}
	if err != nil && refused(err) {
		return fmt.Errorf("the BMC %s:%d does not know this user or password (user %s): %w", i.Host, i.Port, i.User, errPassword)
	}
	if err != nil {
		return fmt.Errorf("the BMC %s:%d opened no session for %s: look whether it has power, at host: and port:, at the network, and whether IPMI over LAN is on: %w",
			i.Host, i.Port, i.User, cause(err))
	}
	defer c.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what was asked is answered
	return f(ctx, c)
}

// open tries to open a session.
func (i *IPMI) open(ctx context.Context) (*ipmi.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	c, err := ipmi.NewClient(i.Host, i.Port, i.User, i.Password)
	if err == nil {
		err = c.Connect(ctx)
	}
	return c, err
}

// refused says whether the two sides have different passwords. The library's error is text where it tried several ciphers.
func refused(err error) bool { return strings.Contains(err.Error(), "authcode not equal") }

// cause is the first cause of the library's error, which tells its own calls before it.
func cause(err error) error {
	const mark = "err: "
	text := err.Error()
	if k := strings.LastIndex(text, mark); k >= 0 {
		return errors.New(text[k+len(mark):])
	}
	return err
}

func (i *IPMI) control(ctx context.Context, what ipmi.ChassisControl) error {
	return i.session(ctx, func(ctx context.Context, c *ipmi.Client) error {
		if _, err := c.ChassisControl(ctx, what); err != nil {
			return fmt.Errorf("the BMC %s:%d refused: %w", i.Host, i.Port, err)
		}
		return nil
	})
}

// On implements Switch.
func (i *IPMI) On(ctx context.Context) error { return i.control(ctx, ipmi.ChassisControlPowerUp) }

// Off implements Switch.
func (i *IPMI) Off(ctx context.Context) error { return i.control(ctx, ipmi.ChassisControlPowerDown) }

// Press implements Button.
func (i *IPMI) Press(ctx context.Context) error {
	return i.control(ctx, ipmi.ChassisControlDiagnosticInterrupt)
}

// IPMIReset is the Button of `chassis power reset`.
type IPMIReset struct{ *IPMI }

// Press implements Button.
func (i IPMIReset) Press(ctx context.Context) error {
	return i.control(ctx, ipmi.ChassisControlHardReset)
}

// State implements Switch.
func (i *IPMI) State(ctx context.Context) (state State, err error) {
	err = i.session(ctx, func(ctx context.Context, c *ipmi.Client) error {
		r, err := c.GetChassisStatus(ctx)
		if err != nil {
			return fmt.Errorf("the BMC %s:%d does not tell its state: %w", i.Host, i.Port, err)
		}
		if state = Off; r.PowerIsOn {
			state = On
		}
		return nil
	})
	return state, err
}
