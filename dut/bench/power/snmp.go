// SPDX-License-Identifier: Apache-2.0

package power

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosnmp/gosnmp"
)

// SNMP is an outlet of a PDU that is switched by an integer at an OID, v1 or v2c. An APC's outlet N is
// .1.3.6.1.4.1.318.1.1.4.4.2.1.3.N with 1 on and 2 off.
type SNMP struct {
	Host      string `yaml:"host" json:"host"`
	Port      uint16 `yaml:"port" json:"port"`
	Version   string `yaml:"version" json:"version"` // 1 or 2c
	Community string `yaml:"community" json:"-"`
	OID       string `yaml:"oid" json:"oid"`
	OnValue   int    `yaml:"on" json:"on"`
	OffValue  int    `yaml:"off" json:"off"`
}

// snmpWait and snmpRetries bound a request: UDP loses packets.
const (
	snmpWait    = 2 * time.Second
	snmpRetries = 3
)

func (s *SNMP) check() error {
	if s.Port == 0 {
		s.Port = 161
	}
	if s.Version == "" {
		s.Version = "1"
	}
	switch {
	case s.Host == "" || s.OID == "" || s.Community == "":
		return errors.New("snmp: host, community and oid are wanted")
	case s.OnValue == s.OffValue:
		return errors.New("snmp: want on: and off:, two numbers that differ")
	case s.Version != "1" && s.Version != "2c":
		return fmt.Errorf("snmp: version %q: want 1 or 2c", s.Version)
	}
	return nil
}

func (s *SNMP) client(ctx context.Context) (*gosnmp.GoSNMP, error) {
	g := &gosnmp.GoSNMP{Target: s.Host, Port: s.Port, Community: s.Community, Version: gosnmp.Version1, Timeout: snmpWait, Retries: snmpRetries, Context: ctx}
	if s.Version == "2c" {
		g.Version = gosnmp.Version2c
	}
	if err := g.Connect(); err != nil {
		return nil, fmt.Errorf("snmp %s: %w", s.Host, cured(err))
	}
	return g, nil
}

func (s *SNMP) set(ctx context.Context, value int) error {
	g, err := s.client(ctx)
	if err != nil {
		return err
	}
	defer g.Conn.Close()
	r, err := g.Set([]gosnmp.SnmpPDU{{Name: s.OID, Type: gosnmp.Integer, Value: value}})
	if err != nil {
		return fmt.Errorf("snmp %s: set %s: %w", s.Host, s.OID, cured(err))
	}
	if r.Error != gosnmp.NoError {
		return fmt.Errorf("snmp %s: set %s: the PDU answered %s: look at the community and the OID", s.Host, s.OID, r.Error)
	}
	return nil
}

// On implements Switch.
func (s *SNMP) On(ctx context.Context) error { return s.set(ctx, s.OnValue) }

// Off implements Switch.
func (s *SNMP) Off(ctx context.Context) error { return s.set(ctx, s.OffValue) }

// State implements Switch.
func (s *SNMP) State(ctx context.Context) (State, error) {
	g, err := s.client(ctx)
	if err != nil {
		return "", err
	}
	defer g.Conn.Close()
	r, err := g.Get([]string{s.OID})
	if err != nil {
		return "", fmt.Errorf("snmp %s: get %s: %w", s.Host, s.OID, err)
	}
	if r.Error != gosnmp.NoError || len(r.Variables) != 1 {
		return "", fmt.Errorf("snmp %s: get %s: the PDU answered %s", s.Host, s.OID, r.Error)
	}
	switch n := gosnmp.ToBigInt(r.Variables[0].Value).Int64(); n {
	case int64(s.OnValue):
		return On, nil
	case int64(s.OffValue):
		return Off, nil
	default:
		return "", fmt.Errorf("snmp %s: %s is %d, which is neither on (%d) nor off (%d)", s.Host, s.OID, n, s.OnValue, s.OffValue)
	}
}
