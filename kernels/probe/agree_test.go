// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastpage/kernels/plan"
)

// compileC builds a program of the host from the probe's own headers.
func compileC(t *testing.T, text string) string {
	t.Helper()
	src, err := filepath.Abs("src")
	if err != nil {
		t.Fatal(err)
	}
	c := filepath.Join(t.TempDir(), "a.c")
	if err := os.WriteFile(c, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	bin := strings.TrimSuffix(c, ".c")
	if out, err := exec.Command("gcc", "-Wall", "-Werror", "-I", src, "-o", bin, c).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return bin
}

func TestNumbersAgree(t *testing.T) {
	want := map[string]int{
		"LP_ARMED": int(plan.Armed), "LP_BACKLOG_BEGIN": int(plan.BacklogBegin), "LP_BACKLOG_STORED": int(plan.BacklogStored),
		"LP_PROVOKE": int(plan.Provoked), "LP_PROVOKE_DONE": int(plan.ProvokeDone), "LP_PANIC_CALL": int(plan.PanicCall),
		"LP_NOTIFIER_FIRST": int(plan.NotifierFirst), "LP_NOTIFIER_LAST": int(plan.NotifierLast), "LP_KMSG_DUMP": int(plan.KmsgDump),
		"LP_CRASH_EXEC": int(plan.CrashExec), "LP_DIE": int(plan.Die), "LP_MARK": int(plan.Mark),
		"LP_MARK_NESTED": plan.MarkNested, "LP_MARK_NESTED_DONE": plan.MarkNestedDone, "LP_MARK_PANIC_END": plan.MarkPanicEnd,
		"LP_NONE": plan.ProvokeArg(plan.ProvokeNone), "LP_WARN": plan.ProvokeArg(plan.ProvokeWarn),
		"LP_PANIC": plan.ProvokeArg(plan.ProvokePanic), "LP_WARN_PANIC": plan.ProvokeArg(plan.ProvokeWarnPanic),
		"LP_OOPS": plan.ProvokeArg(plan.ProvokeOops), "LP_BUG": plan.ProvokeArg(plan.ProvokeBug),
		"LP_SOFTLOCKUP": plan.ProvokeArg(plan.ProvokeSoftlockup), "LP_PROVOKES": len(plan.Provokes()),
		"LP_THREAD": plan.ContextArg(plan.ContextThread), "LP_IRQ": plan.ContextArg(plan.ContextIRQ), "LP_NMI": plan.ContextArg(plan.ContextNMI),
		"LP_AT_NONE": plan.StepArg(plan.StepNone), "LP_AT_NOTIFIER_FIRST": plan.StepArg(plan.StepNotifierFirst),
		"LP_AT_NOTIFIER_LAST": plan.StepArg(plan.StepNotifierLast), "LP_AT_KMSG_DUMP": plan.StepArg(plan.StepKmsgDump),
		"LP_AT_END": plan.StepArg(plan.StepEnd), "LP_AT_CRASH_EXEC": plan.StepArg(plan.StepCrashExec), "LP_STEPS": len(plan.Steps()) + 1,
		"LP_HANG": plan.DeathArg(plan.DeathHang), "LP_RESET": plan.DeathArg(plan.DeathReset), "LP_TRIPLE": plan.DeathArg(plan.DeathTriple),
		"LP_NEST_NONE": plan.NestedArg(plan.NestedNone), "LP_NEST_WARN": plan.NestedArg(plan.NestedWarn),
		"LP_NEST_OOPS": plan.NestedArg(plan.NestedOops), "LP_NEST_PANIC_OTHER": plan.NestedArg(plan.NestedPanicOther),
	}
	var body strings.Builder
	for name := range want {
		fmt.Fprintf(&body, "printf(\"%s %%d\\n\", %s);\n", name, name)
	}
	out, err := exec.Command(compileC(t, "#include <stdio.h>\n#include \"event.h\"\nint main(void) {\n"+body.String()+"return 0; }\n")).Output()
	if err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(strings.NewReader(string(out)))
	seen := 0
	for sc.Scan() {
		var name string
		var v int
		if _, err := fmt.Sscan(sc.Text(), &name, &v); err != nil {
			t.Fatal(err)
		}
		if v != want[name] {
			t.Errorf("%s is %d in C and %d in Go", name, v, want[name])
		}
		seen++
	}
	if seen != len(want) {
		t.Errorf("compared %d numbers of %d", seen, len(want))
	}
}

const recordC = `#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
typedef uint8_t u8;
typedef uint32_t u32;
#define scnprintf snprintf
#include "record.h"
int main(int argc, char **argv)
{
	int len, cpu;
	unsigned n;
	char kind, buf[LP_RECORD_MAX + 1];

	while (scanf("%d %c %d %u", &len, &kind, &cpu, &n) == 4) {
		lp_record(buf, len, "0a1b2c3d", kind, cpu, n);
		puts(buf);
	}
	return 0;
}
`

func TestRecordTextAgrees(t *testing.T) {
	var in strings.Builder
	var want []plan.Record
	for _, length := range []int{plan.MinRecordLen, 80, 255, plan.MaxRecordLen} {
		for _, cpu := range []int{0, 1, plan.MaxCPU} {
			for _, n := range []uint32{0, 9, 10, 599, 19999, 1<<32 - 1} {
				r := plan.Record{RunID: "0a1b2c3d", Kind: plan.KindBacklog, CPU: cpu, N: n, Len: length}
				if n%2 == 1 {
					r.Kind = plan.KindFlood
				}
				want = append(want, r)
				fmt.Fprintf(&in, "%d %c %d %d\n", length, r.Kind, cpu, n)
			}
		}
	}
	cmd := exec.Command(compileC(t, recordC))
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i, l := range lines {
		got, err := plan.ParseRecord([]byte(l))
		if err != nil || got != want[i] {
			t.Errorf("C wrote %q for %+v; read as %+v, %v", l, want[i], got, err)
		}
	}
}
