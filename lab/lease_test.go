// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"lastpage/dut"
	"lastpage/harness"
	"lastpage/lab/kind"
)

// holds makes this test binary a program that has a board for as long as it lives.
const holds = "LASTPAGE_TEST_HOLDS"

func TestMain(m *testing.M) {
	board := os.Getenv(holds)
	if board == "" {
		os.Exit(m.Run())
	}
	l, err := Take(context.Background(), board, Wanted{Owner: "bob", Purpose: "a night"})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("has it")
	for l.Lost() == "" {
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Println(l.Lost())
	if err := l.Release(); err != nil {
		fmt.Println(err)
	}
}

// other starts a program that has the board, and gives its output.
func other(t *testing.T, board string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holds+"="+board)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	r := bufio.NewReader(out)
	if said, _ := r.ReadString('\n'); said != "has it\n" {
		t.Fatalf("the other program says %q", said)
	}
	return cmd, r
}

func refused(t *testing.T, board string, w Wanted, words ...string) {
	t.Helper()
	_, err := Take(t.Context(), board, w)
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Fatalf("error %v, want %q", err, word)
		}
	}
}

func free(t *testing.T, board string) {
	t.Helper()
	if l, err := Leased(board); err != nil || l != nil {
		t.Fatalf("leased: %+v, %v", l, err)
	}
}

// A program that is killed has its board no longer.
func TestLeaseOfTheKilled(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	cmd, _ := other(t, "b")
	refused(t, "b", Wanted{Owner: "eve", Purpose: "x"}, "leased by bob", `"a night"`, "until it ends", "--steal")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	free(t, "b")
	l, err := Take(t.Context(), "b", Wanted{Owner: "eve", Purpose: "x"})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "b", Wanted{Owner: "bob"}, "leased by eve")
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	free(t, "b")
}

// A program whose board is stolen is told why, and lets go.
func TestSteal(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	_, said := other(t, "b")
	l, err := Take(t.Context(), "b", Wanted{Owner: "eve", Purpose: "x", Steal: "it smokes"})
	if err != nil {
		t.Fatal(err)
	}
	if told, _ := said.ReadString('\n'); !strings.Contains(told, "eve took it from bob (a night): it smokes") {
		t.Errorf("the other program was told %q", told)
	}
	if now, err := Leased("b"); err != nil || now == nil || now.Owner != "eve" {
		t.Errorf("leased: %+v, %v", now, err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

// A person's lease outlives the command, lets its owner's programs in, and comes back after them.
func TestPersonsLease(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	if _, err := Take(t.Context(), "b", Wanted{Owner: "eve", Purpose: "a cable", For: time.Hour}); err != nil {
		t.Fatal(err)
	}
	refused(t, "b", Wanted{Owner: "bob"}, "leased by eve", `"a cable"`, "until 20")
	run, err := Take(t.Context(), "b", Wanted{Owner: "eve", Purpose: "panic"})
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Release(); err != nil {
		t.Fatal(err)
	}
	refused(t, "b", Wanted{Owner: "bob"}, "leased by eve", "until 20")
	if err := Free("b"); err != nil {
		t.Fatal(err)
	}
	free(t, "b")
	if _, err := Take(t.Context(), "b", Wanted{Owner: "eve", For: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	free(t, "b") // expired
}

// bad is a bench whose board fails.
type bad struct{ err error }

func (b *bad) Can(*harness.Order) error { return nil }
func (b *bad) Rest()                    {}
func (b *bad) Open(context.Context, *harness.Order) (*dut.Board, error) {
	return nil, b.err
}

// A board that fails twice is marked with the first cause; who wants it is told, until it is cleared.
func TestBroken(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	inner := &bad{}
	b := &leased{Bench: inner, board: "b"}
	defer b.Rest()
	open := func() error {
		_, err := b.Open(t.Context(), &harness.Order{})
		return err
	}
	inner.err = errors.New("a disk is full") // not the board's fault
	for range 3 {
		if err := open(); !errors.Is(err, inner.err) {
			t.Fatal(err)
		}
	}
	inner.err = &dut.BoardError{Board: "b", Err: errors.New("the first cause")}
	_ = open()
	inner.err = &dut.BoardError{Board: "b", Err: errors.New("what came of it")}
	if err := open(); !errors.Is(err, inner.err) {
		t.Fatal(err)
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "marked broken") || !strings.Contains(err.Error(), "the first cause") {
		t.Fatalf("error %v", err)
	}
	if err := Clear("b"); err != nil {
		t.Fatal(err)
	}
	if err := open(); !errors.Is(err, inner.err) {
		t.Fatal(err)
	}
}

// A board that passed a check is not broken any more; that is said where it was marked.
func TestMended(t *testing.T) {
	t.Setenv("LASTPAGE_CACHE", t.TempDir())
	for failures, says := range []string{"", "", "cleared"} {
		for range failures {
			if err := Failed("b", errors.New("the first cause\nand more")); err != nil {
				t.Fatal(err)
			}
		}
		var told []kind.Finding
		if err := mended("b", func(f kind.Finding) { told = append(told, f) }); err != nil {
			t.Fatal(err)
		}
		switch {
		case says == "" && len(told) > 0:
			t.Errorf("after %d failures it is told %+v", failures, told)
		case says != "" && (len(told) != 1 || !told[0].OK || !strings.Contains(told[0].Says, "(the first cause): that is cleared")):
			t.Errorf("after %d failures it is told %+v", failures, told)
		}
		if b, err := BrokenBoard("b"); err != nil || b != nil {
			t.Errorf("after %d failures: %+v, %v", failures, b, err)
		}
	}
}
