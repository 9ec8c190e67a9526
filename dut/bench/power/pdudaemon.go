// SPDX-License-Identifier: Apache-2.0

package power

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PDUDaemon is an outlet of a pdudaemon. It answers before it has acted, and cannot be asked for a state.
type PDUDaemon struct {
	URL      string `yaml:"url" json:"url"` // http://HOST:16421
	Hostname string `yaml:"hostname" json:"hostname"`
	Port     string `yaml:"port" json:"port"`
}

func (p *PDUDaemon) check() error {
	if p.URL == "" || p.Hostname == "" || p.Port == "" {
		return errors.New("pdudaemon: url, hostname and port are wanted")
	}
	return nil
}

func (p *PDUDaemon) order(ctx context.Context, what State) error {
	q := url.Values{"hostname": {p.Hostname}, "port": {p.Port}}
	_, err := get(ctx, strings.TrimRight(p.URL, "/")+"/power/control/"+string(what)+"?"+q.Encode())
	return err
}

// On implements Switch.
func (p *PDUDaemon) On(ctx context.Context) error { return p.order(ctx, On) }

// Off implements Switch.
func (p *PDUDaemon) Off(ctx context.Context) error { return p.order(ctx, Off) }

// State implements Switch.
func (p *PDUDaemon) State(context.Context) (State, error) { return "", ErrNoState }

// httpLimit bounds one request, httpBytes what is read of its answer.
const (
	httpLimit = 15 * time.Second
	httpBytes = 64 << 10
)

// get is the body of a good answer.
func get(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, httpLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", cured(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, httpBytes))
	if err != nil {
		return "", fmt.Errorf("get %s: %w", address, err)
	}
	said := strings.TrimSpace(strings.ToValidUTF8(string(body), "?"))
	if r.StatusCode != http.StatusOK {
		return "", fmt.Errorf("get %s: it answered %s: %.200q", address, r.Status, said)
	}
	return said, nil
}
