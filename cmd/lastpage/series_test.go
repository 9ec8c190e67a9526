// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const oneDiff = "--- a/kernel/panic.c\n+++ b/kernel/panic.c\n@@ -1 +1 @@\n-a\n+b\n"

func mail(subject, body string) string {
	return "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: " + subject + "\n\n" + body + "-- \n2.47\n\n"
}

// Whatever a series comes as, its patches come out in order, and mails that change nothing are left out.
func TestPatchFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	single := put("one.diff", oneDiff)
	mbox := put("series.mbox", mail("[PATCH 0/2] cover", "No diff.\n")+mail("[PATCH 1/2] x", "---\n"+oneDiff)+mail("Re: no", "> quoted\n")+mail("[PATCH 2/2] y", "---\n"+oneDiff))
	put("folder/0002-b.patch", oneDiff)
	put("folder/0001-a.patch", oneDiff)
	put("folder/0000-cover-letter.patch", "only words\n")
	put("folder/notes.txt", oneDiff)
	out := filepath.Join(dir, "out")
	got, err := patchFiles([]string{single, mbox, filepath.Join(dir, "folder"), "-"}, out, strings.NewReader(mail("[PATCH] z", "---\n"+oneDiff)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range got {
		names = append(names, filepath.Base(f))
		if data, err := os.ReadFile(f); err != nil || strings.Count(string(data), "@@ -1 +1 @@") != 1 {
			t.Errorf("%s: %v: not one patch", f, err)
		}
	}
	if s := strings.Join(names, " "); s != "one.diff series-0001.patch series-0002.patch 0001-a.patch 0002-b.patch stdin-0001.patch" {
		t.Error(s)
	}
	for _, bad := range []string{put("words.mbox", mail("a", "b\n")+mail("c", "d\n")), filepath.Join(dir, "nothing"), filepath.Dir(put("empty/x", ""))} {
		if _, err := patchFiles([]string{bad}, out, nil); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// A range is one patch between two whole commits.
func TestRange(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	run("init", "-q", "-b", "main")
	for _, text := range []string{"a\n", "b\n"} {
		if err := os.WriteFile(filepath.Join(dir, "f.c"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		run("add", "f.c")
		run("commit", "-qm", text)
	}
	a, b, err := commits(t.Context(), dir, "main~1..main")
	if err != nil || a == b {
		t.Fatalf("%s %s: %v", a, b, err)
	}
	got, err := rangePatch(t.Context(), dir, a, b, filepath.Join(dir, "patches"))
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if data, err := os.ReadFile(got[0]); err != nil || !strings.Contains(string(data), "--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n") {
		t.Errorf("%v: %s", err, data)
	}
	for _, bad := range []string{"main", "main..", "..main", "main...main~1", "main..nothing", "--all..main"} {
		if _, _, err := commits(t.Context(), dir, bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if got, err := rangePatch(t.Context(), dir, a, a, dir); err != nil || len(got) != 0 {
		t.Errorf("the same files: %v, %v", got, err)
	}
}
