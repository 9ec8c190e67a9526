// SPDX-License-Identifier: Apache-2.0

package vuart

import (
	_ "embed"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed csrc/test/begin.c
var beginSource string

// The first poll of a wait is known after two that went the same way, as long as nothing but what did not matter then is different.
func TestBegin(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "begin")
	err := compile(t.Context(), filepath.Dir(bin), []string{"-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined,address",
		"-fno-sanitize-recover=all", "-I", "csrc", "-o", bin, "-x", "c", "-"}, beginSource, "begin.c")
	if err != nil {
		t.Fatal(err)
	}
	// Time, LSR, then RSI (a leftover that the first poll overwrites), R12 (a counter), two words of the stack; distance, RSI, R12.
	cases := []struct{ what, polls, want string }{
		{"never seen", "1000 0 102 173 7 0 2128 992 172 learn", "new"},
		{"seen once", "2000 0 102 173 7 0 2128 992 172 learn", "new"},
		{"seen twice", "3000 0 102 173 7 0 2128 992 172", "known"},
		{"another distance: the delay is another one now", "4000 0 102 173 7 0 2064 992 172", "new"},
		{"another leftover, which was not seen to differ", "5000 0 97 173 7 0 2128 992 172", "new"},
		{"the same, and the loop went on", "6000 0 97 173 7 0 2128 992 172 learn", "new"},
		{"a third leftover", "7000 0 98 173 7 0 2128 992 172", "known"},
		{"it was not overwritten", "8000 0 98 173 7 0 2128 98 172", "new"},
		{"the counter has another value", "9000 0 98 99 7 0 2128 992 98", "new"},
		{"the counter moved by two", "10000 0 98 173 7 0 2128 992 171", "new"},
		{"LSR reads another value", "11000 20 98 173 7 0 2128 992 172", "new"},
		{"another word of the stack", "12000 0 98 173 7 1 2128 992 172 learn", "new"},
		{"it was seen to differ", "13000 0 98 173 7 2 2128 992 172", "known"},
		{"from elsewhere", "14000 0 98 173 8 0 2128 992 172 learn", "new"},
		{"that was learned, and where it is still counts", "15000 0 98 173 9 0 2128 992 172", "new"},
		{"as it was", "16000 0 98 173 7 0 2128 992 172", "known"},
		{"a value that is neither set nor moved", "17000 0 98 173 7 0 2128 990 172 learn", "new"},
		{"so nothing is known any more", "18000 0 98 173 7 0 2128 992 172", "new"},
	}
	var in strings.Builder
	for _, c := range cases {
		in.WriteString(c.polls + "\n")
	}
	cmd := exec.Command(bin)
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	if len(got) != len(cases) {
		t.Fatalf("%d answers to %d questions", len(got), len(cases))
	}
	for i, c := range cases {
		if got[i] != c.want {
			t.Errorf("%s: %s, want %s", c.what, got[i], c.want)
		}
	}
}
