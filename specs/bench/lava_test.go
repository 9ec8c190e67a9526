// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"lastpage/kernels/store"
	"lastpage/specs/parts"
)

const (
	// recipes are those of the manual; patches are what the job judges.
	recipes = "../../docs/recipes"
	patches = "../../kernels/patches"
	// downloads is where LAVA's dispatcher keeps what a job hands out. It is no option of it.
	downloads = "/var/lib/lava/dispatcher/tmp"
	// python is Debian's: the modules are for it.
	python = "/usr/bin/python3"
)

// labs is the folder into which `setup.sh --labs` unpacks LAVA's dispatcher and labgrid.
func labs() string {
	GinkgoHelper()
	dir, err := store.Root()
	Expect(err).NotTo(HaveOccurred())
	dir = filepath.Join(dir, "labs")
	if _, err := os.Stat(filepath.Join(dir, "usr/bin/lava-run")); err != nil {
		Skip("LAVA's dispatcher and labgrid are not in " + dir + ": setup.sh --labs unpacks them there")
	}
	return dir
}

// ofLabs is the environment of what lies there.
func ofLabs(dir string, bin ...string) []string {
	libs := filepath.Join(dir, "usr/lib/x86_64-linux-gnu") + ":" + filepath.Join(dir, "lib/x86_64-linux-gnu")
	return append(os.Environ(), "LD_LIBRARY_PATH="+libs, "PYTHONPATH="+filepath.Join(dir, "usr/lib/python3/dist-packages"),
		"PATH="+strings.Join(append(bin, os.Getenv("PATH")), ":"))
}

// rewrite copies a recipe with its example's places replaced by those of this bench, each of which must be in it.
func rewrite(name, to string, places ...string) {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join(recipes, name))
	Expect(err).NotTo(HaveOccurred())
	text := string(data)
	for i := 0; i < len(places); i += 2 {
		Expect(text).To(ContainSubstring(places[i]), name)
		text = strings.ReplaceAll(text, places[i], places[i+1])
	}
	Expect(os.WriteFile(to, []byte(text), 0o644)).To(Succeed())
}

// render makes the device's YAML of its dictionary, as LAVA's server does.
const render = `import jinja2, sys
e = jinja2.Environment(loader=jinja2.FileSystemLoader(sys.argv[1:3]), trim_blocks=True)
print(e.get_template("lava-device.jinja2").render())`

// result is one of a job's.
type result struct {
	Case       string `yaml:"case"`
	Definition string `yaml:"definition"`
	Result     string `yaml:"result"`
}

// entry is a line of a job's log.
type entry struct {
	Lvl string `yaml:"lvl"`
	Msg any    `yaml:"msg"`
	NS  string `yaml:"ns"`
}

// spoken is what a job's log tells of a connection, or of its results.
type spoken struct {
	results map[string]string // by definition and case
	board   string            // what the console of the board said while the test ran
}

func parse(log []byte) spoken {
	GinkgoHelper()
	s := spoken{results: map[string]string{}}
	var board strings.Builder
	for _, line := range bytes.Split(log, []byte("\n")) {
		var e entry
		if yaml.Unmarshal(line, &e) != nil {
			continue
		}
		switch m := e.Msg.(type) {
		case string:
			if e.Lvl == "feedback" && e.NS == "board" {
				fmt.Fprintln(&board, m)
			}
		case map[string]any:
			if e.Lvl == "results" {
				s.results[fmt.Sprint(m["definition"], "/", m["case"])] = fmt.Sprint(m["result"])
			}
		}
	}
	s.board = board.String()
	return s
}

var _ = Describe("a stock LAVA job", Label("lava"), Ordered, func() {
	var b *parts.Board
	var root, lab, bin string
	job := 0

	BeforeAll(func(ctx SpecContext) {
		root = labs()
		if os.Getenv("LASTPAGE_STRATEGIES") == "" {
			Skip("it builds a kernel with each patch: LASTPAGE_STRATEGIES=1")
		}
		if os.Getuid() != 0 {
			Skip("a LAVA dispatcher is root's: it keeps its files in " + downloads)
		}
		b, _ = board(parts.BMC)
		lab, bin = filepath.Join(evidence, "lab"), filepath.Join(evidence, "lab/bin")
		Expect(os.MkdirAll(bin, 0o755)).To(Succeed())
		Expect(os.Symlink(lastpage, filepath.Join(bin, "lastpage"))).To(Succeed())
		Expect(os.Symlink(filepath.Join(root, "usr/bin/inetutils-telnet"), filepath.Join(bin, "telnet"))).To(Succeed())
		if _, err := os.Stat("/var/lib/lava"); err != nil {
			DeferCleanup(func() { Expect(os.RemoveAll("/var/lib/lava")).To(Succeed()) })
		}
		Expect(os.MkdirAll(downloads, 0o755)).To(Succeed())

		By("handing out the test's scripts as a dispatcher's web server does")
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		web := &http.Server{Handler: http.StripPrefix("/tmp/", http.FileServer(http.Dir(downloads))), ReadHeaderTimeout: time.Minute}
		go web.Serve(l) //nolint:errcheck // ends with Close
		DeferCleanup(web.Close)
		dispatcher := fmt.Sprintf("dispatcher_ip: 127.0.0.1\ndispatcher_http_ip: %s\nprefix: lastpage-%d-\n", l.Addr(), os.Getpid())
		Expect(os.WriteFile(filepath.Join(lab, "dispatcher.yaml"), []byte(dispatcher), 0o644)).To(Succeed())

		By("putting the definition into a repository")
		repo := filepath.Join(lab, "repo")
		Expect(os.MkdirAll(filepath.Join(repo, recipes[len("../../"):]), 0o755)).To(Succeed())
		rewrite("lava.yaml", filepath.Join(repo, "docs/recipes/lava.yaml"))
		for _, args := range [][]string{{"init", "--quiet"}, {"add", "."}, {"commit", "--quiet", "-m", "recipes"}} {
			out, err := exec.CommandContext(ctx, "git", append([]string{"-C", repo, "-c", "user.name=A Developer", "-c", "user.email=a@example.org"}, args...)...).CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(out))
		}

		By("describing the device")
		rewrite("lava-policy.yaml", filepath.Join(lab, "lava-policy.yaml"))
		host, port, err := net.SplitHostPort(b.Plug)
		Expect(err).NotTo(HaveOccurred())
		rewrite("lava-device.jinja2", filepath.Join(lab, "lava-device.jinja2"), "telnet 127.0.0.1 4001", "telnet "+host+" "+port,
			"lastpage wire control /srv/lab/board.ctl", b.Control, "/srv/lab", lab, "env PS1", "env -u LD_LIBRARY_PATH -u PYTHONPATH PS1")
		render := exec.CommandContext(ctx, python, "-c", render, lab, filepath.Join(root, "usr/share/lava-server/device-types"))
		render.Env = ofLabs(root)
		device, err := render.Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(filepath.Join(lab, "device.yaml"), device, 0o644)).To(Succeed())
	}, NodeTimeout(bootLimit))

	// dispatch runs the job of the manual for a series, and gives what it told.
	dispatch := func(ctx context.Context, series string) spoken {
		GinkgoHelper()
		job++
		path, err := filepath.Abs(filepath.Join(patches, series))
		Expect(err).NotTo(HaveOccurred())
		file := filepath.Join(lab, fmt.Sprintf("job-%d.yaml", job))
		rewrite("lava-job.yaml", file, "https://git.example.org/lastpage.git", filepath.Join(lab, "repo"), "SERIES: /srv/lab/series", "SERIES: "+path,
			"--board first", "--board "+b.Name, "/srv/lab/boards.yaml", bench.Inventory, "/srv/lab", lab)
		c := exec.CommandContext(ctx, python, filepath.Join(root, "usr/bin/lava-run"), "--job-id", fmt.Sprint(job), "--output-dir", filepath.Join(lab, "out"),
			"--device", filepath.Join(lab, "device.yaml"), "--dispatcher", filepath.Join(lab, "dispatcher.yaml"), file)
		c.Dir, c.Env = lab, ofLabs(root, bin)
		c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // it takes its connections with it
		c.WaitDelay = time.Minute
		begin := time.Now()
		log, err := c.CombinedOutput()
		Expect(os.WriteFile(file+".log", log, 0o644)).To(Succeed())
		Expect(err).NotTo(HaveOccurred(), "the job's log is %s.log", file)
		AddReportEntry(fmt.Sprintf("%s: %s", series, time.Since(begin).Round(time.Second)))
		s := parse(log)
		Expect(s.results).To(HaveKeyWithValue("lava/pdu-reboot", "pass"), "the bridge took the reset")
		Expect(s.results).To(HaveKeyWithValue("0_board/loader", "pass"), "the loader answered on the console")
		Expect(s.results).To(HaveKeyWithValue("lava/power-off", "pass"))
		Expect(s.board).NotTo(ContainSubstring("LAVA_SIGNAL"), "the verdict is not carried on the console that is judged")
		Expect(s.board).To(ContainSubstring("Linux version"), "that console is the one at which kernels were tried")
		return s
	}

	It("is green on a good kernel", func(ctx SpecContext) {
		Expect(dispatch(ctx, "harmless.patch").results).To(HaveKeyWithValue("0_lastpage/gate", "pass"))
	}, SpecTimeout(2*bootLimit))

	It("is red on a mutant", func(ctx SpecContext) {
		Expect(dispatch(ctx, "mutants/deferred-flushes-early.patch").results).To(HaveKeyWithValue("0_lastpage/gate", "fail"))
	}, SpecTimeout(2*bootLimit))
})
