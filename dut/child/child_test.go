// SPDX-License-Identifier: Apache-2.0

package child_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"lastpage/dut/child"
)

func TestFailureTellsLastWords(t *testing.T) {
	p, err := child.Start([]string{"/bin/sh", "-c", "echo no such disk >&2; exit 3"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	var exit *exec.ExitError
	if err := p.Failure(); !strings.Contains(err.Error(), "sh ended (exit status 3): no such disk") || !errors.As(err, &exit) {
		t.Errorf("failure: %v", err)
	}
}

func TestKillTakesTheGroup(t *testing.T) {
	p, err := child.Start([]string{"/bin/sh", "-c", "sleep 1000 & wait"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Kill() // returns only when the pipes are closed, or after WaitDelay: the sleep held them
	select {
	case <-p.Done():
	default:
		t.Error("killed and not reaped")
	}
	p.Kill() // harmless
}

func TestMissingProgramIsNamed(t *testing.T) {
	_, err := child.Start([]string{"lastpage-no-such-program"}, nil)
	if !errors.Is(err, exec.ErrNotFound) && (err == nil || !strings.Contains(err.Error(), "lastpage-no-such-program: not found in PATH")) {
		t.Errorf("error: %v", err)
	}
}
