// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/kernels"
	"lastpage/kernels/build"
)

// recipes are those of the manual.
const recipes = "../../docs/recipes"

// The steps of each recipe are run as a shell runs them, with this tree's command, in a repository that has a patch for the kernel. Without
// LASTPAGE_STRATEGIES=1 the gate only says what it would build: GATE_FLAGS is a part of the recipes.
var _ = Describe("a recipe", Ordered, func() {
	var repo, bin, base string
	real := os.Getenv("LASTPAGE_STRATEGIES") != ""

	BeforeAll(func(ctx SpecContext) {
		repo, bin = filepath.Join(evidence, "recipes"), filepath.Join(evidence, "bin")
		Expect(os.MkdirAll(bin, 0o755)).To(Succeed())
		Expect(os.Symlink(lastpage, filepath.Join(bin, "lastpage"))).To(Succeed())
		Expect(os.MkdirAll(filepath.Join(repo, "kernel"), 0o755)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(repo, "kernel/panic.c"), panicC(ctx, real), 0o644)).To(Succeed())
		git := func(args ...string) string {
			GinkgoHelper()
			out, err := exec.CommandContext(ctx, "git", append([]string{"-C", repo, "-c", "user.name=A Developer", "-c", "user.email=a@example.org"}, args...)...).CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(out))
			return strings.TrimSpace(string(out))
		}
		git("init", "--quiet")
		git("add", ".")
		git("commit", "--quiet", "-m", "base")
		base = git("rev-parse", "HEAD")
		git("update-ref", "refs/remotes/origin/main", base)
		f, err := os.OpenFile(filepath.Join(repo, "kernel/panic.c"), os.O_APPEND|os.O_WRONLY, 0)
		Expect(err).NotTo(HaveOccurred())
		_, err = f.WriteString("/* The end. */\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(f.Close()).To(Succeed())
		git("commit", "--quiet", "--all", "-m", "panic: say where the file ends", "-m", "Signed-off-by: A Developer <a@example.org>")
		git("format-patch", "--quiet", "--thread", "--output-directory", "mails", base)
	}, NodeTimeout(limit))

	// shell runs lines as one script, in the repository, and gives what it prints.
	shell := func(ctx SpecContext, env map[string]string, lines ...string) (out string, status int) {
		GinkgoHelper()
		Expect(os.RemoveAll(filepath.Join(repo, "runs"))).To(Succeed())
		c := exec.CommandContext(ctx, "bash", "-c", strings.Join(lines, "\n"))
		c.Dir = repo
		c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GITHUB_STEP_SUMMARY="+filepath.Join(repo, "summary.md"))
		if !real {
			c.Env = append(c.Env, "GATE_FLAGS=--dry-run")
		}
		for name, v := range env {
			c.Env = append(c.Env, name+"="+v)
		}
		var b bytes.Buffer
		c.Stdout, c.Stderr = &b, &b
		err := c.Run()
		_, _ = GinkgoWriter.Write(b.Bytes())
		if err != nil {
			Expect(err).To(BeAssignableToTypeOf(&exec.ExitError{}))
		}
		return b.String(), c.ProcessState.ExitCode()
	}
	// judged is what each recipe must have come to: the patch was found and fits. A comment changes no byte of the kernel.
	judged := func(out string, status int) {
		GinkgoHelper()
		Expect(status).To(Equal(0), out)
		if real {
			Expect(out).To(ContainSubstring("base and head are equal byte for byte"))
			return
		}
		Expect(out).To(ContainSubstring("nothing is fetched, built or booted"))
		Expect(strings.Count(out, "linux-7 ")).To(BeNumerically(">=", 2), "base, and head with the patch")
	}
	report := func() {
		GinkgoHelper()
		if real {
			Expect(os.ReadFile(filepath.Join(repo, "gate.xml"))).To(ContainSubstring(`name="verdict"`))
		}
	}
	file := func(name string) string {
		GinkgoHelper()
		path, err := filepath.Abs(filepath.Join(recipes, name))
		Expect(err).NotTo(HaveOccurred())
		return path
	}

	It("for a shell", func(ctx SpecContext) {
		judged(shell(ctx, map[string]string{"SERIES": "mails"}, file("gate.sh")))
		report()
		out, status := shell(ctx, map[string]string{"SERIES": "nothing"}, file("gate.sh"))
		Expect(status).To(Equal(3), "the status of the gate is that of the recipe: %s", out)
	}, SpecTimeout(limit))

	It("for GitHub Actions", func(ctx SpecContext) {
		var w struct {
			Name string              `yaml:"name"`
			On   []string            `yaml:"on"`
			Jobs map[string]struct { //nolint:govet // the order is the file's
				RunsOn []string          `yaml:"runs-on"`
				Env    map[string]string `yaml:"env"`
				Steps  []struct {
					Name string            `yaml:"name"`
					Uses string            `yaml:"uses"`
					If   string            `yaml:"if"`
					With map[string]any    `yaml:"with"`
					Env  map[string]string `yaml:"env"`
					Run  string            `yaml:"run"`
				} `yaml:"steps"`
			} `yaml:"jobs"`
		}
		read(file("github.yml"), &w)
		job := w.Jobs["gate"]
		env := map[string]string{"GITHUB_BASE_REF": "main"}
		for name, v := range job.Env {
			env[name] = v
		}
		lines := []string{"set -e -o pipefail"}
		for _, s := range job.Steps {
			Expect((s.Run == "") != (s.Uses == "")).To(BeTrue())
			if s.Run != "" {
				lines = append(lines, s.Run)
			}
		}
		Expect(lines).To(HaveLen(4))
		judged(shell(ctx, env, lines...))
		report()
	}, SpecTimeout(limit))

	It("for GitLab CI", func(ctx SpecContext) {
		var w map[string]struct {
			Stage        string            `yaml:"stage"`
			Tags         []string          `yaml:"tags"`
			Rules        []map[string]any  `yaml:"rules"`
			Variables    map[string]string `yaml:"variables"`
			Script       []string          `yaml:"script"`
			AllowFailure map[string][]int  `yaml:"allow_failure"`
			Artifacts    map[string]any    `yaml:"artifacts"`
		}
		read(file("gitlab.yml"), &w)
		env := w["gate"].Variables
		env["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = base
		judged(shell(ctx, env, append([]string{"set -e -o pipefail"}, w["gate"].Script...)...))
		report()
	}, SpecTimeout(limit))

	It("for LAVA", func(ctx SpecContext) {
		var w struct {
			Metadata struct {
				Format      string   `yaml:"format"`
				Name        string   `yaml:"name"`
				Description string   `yaml:"description"`
				OS          []string `yaml:"os"`
				Scope       []string `yaml:"scope"`
			} `yaml:"metadata"`
			Params map[string]string `yaml:"params"`
			Run    struct {
				Steps []string `yaml:"steps"`
			} `yaml:"run"`
		}
		read(file("lava.yaml"), &w)
		Expect(w.Metadata.Format).To(Equal("Lava-Test Test Definition 1.0"))
		Expect(w.Metadata.Name).NotTo(BeEmpty())
		Expect(w.Metadata.Description).NotTo(BeEmpty())
		env := map[string]string{}
		for name, v := range w.Params {
			if v != "" {
				env[name] = v
			}
		}
		env["SERIES"] = "mails"
		out, status := shell(ctx, env, w.Run.Steps...)
		judged(out, status)
		Expect(out).To(HaveSuffix("gate pass\n"))
		env["SERIES"] = "nothing"
		out, _ = shell(ctx, env, w.Run.Steps...)
		Expect(out).To(HaveSuffix("gate unknown\n"))
	}, SpecTimeout(limit))

	It("for b4", func(ctx SpecContext) {
		if _, err := exec.LookPath("b4"); err != nil {
			Skip("b4 is not installed (apt-get install b4)")
		}
		all, err := filepath.Glob(filepath.Join(repo, "mails", "*.patch"))
		Expect(err).NotTo(HaveOccurred())
		Expect(all).NotTo(BeEmpty())
		var box []byte
		for _, f := range all {
			data, err := os.ReadFile(f)
			Expect(err).NotTo(HaveOccurred())
			box = append(box, data...)
		}
		Expect(os.WriteFile(filepath.Join(repo, "saved.mbox"), box, 0o644)).To(Succeed())
		judged(shell(ctx, map[string]string{"MBOX": "saved.mbox"}, file("b4.sh")))
	}, SpecTimeout(limit))
})

// read decodes YAML and refuses what it does not know.
func read(path string, v any) {
	GinkgoHelper()
	data, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	Expect(yaml.UnmarshalWithOptions(data, v, yaml.Strict())).To(Succeed())
}

// panicC is kernel/panic.c of the source that is patched; where nothing is built, any text.
func panicC(ctx context.Context, real bool) []byte {
	GinkgoHelper()
	if !real {
		return []byte("void panic(void) { }\n")
	}
	cat, err := kernels.LoadCatalogue()
	Expect(err).NotTo(HaveOccurred())
	k, err := cat.Kernel(kernels.Strategic)
	Expect(err).NotTo(HaveOccurred())
	dir, err := build.Unpack(ctx, k.Source.Build.Source, func(e build.Event) { fmt.Fprintln(GinkgoWriter, e.Step, e.Text) })
	Expect(err).NotTo(HaveOccurred())
	data, err := os.ReadFile(filepath.Join(dir, "kernel/panic.c"))
	Expect(err).NotTo(HaveOccurred())
	return data
}
