// SPDX-License-Identifier: Apache-2.0

package gate

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Policy is what a head must do, and how sure one has to be of it. docs/gate.md explains every field.
type Policy struct {
	Name      string   `yaml:"name" json:"name"`
	Scenarios []string `yaml:"scenarios" json:"scenarios"`
	Moments   []string `yaml:"moments" json:"moments"` // of scenarios that are interrupted and bring none
	Courses   int      `yaml:"courses" json:"courses"` // of each side, where the wire is exact
	Cap       int      `yaml:"cap" json:"cap"`         // most courses of each side: the second look at an exact wire, and where it never repeats itself
	Must      []Must   `yaml:"must" json:"must"`
	NotWorse  []Worse  `yaml:"not_worse" json:"not_worse"`
	Records   string   `yaml:"records" json:"records"` // what records that head adds, drops or rewords are: shown, or fail
	Test      Test     `yaml:"test" json:"test"`
	Voids     Voids    `yaml:"voids" json:"voids"`
}

// Must is a fact about head alone: the condition holds at every moment of a course.
type Must struct {
	That Condition `yaml:"that" json:"that"`
}

// Worse is a fact about head beside base: the share of courses in which the condition holds.
type Worse struct {
	That Condition `yaml:"that" json:"that"`
	// By is by how much head's share of courses may be lower than base's, 0 to 1.
	By float64 `yaml:"by" json:"by"`
}

// Test says what is told apart, and how often wrongly.
type Test struct {
	// P0 is the share of courses in which a Must may fail. P1 is the share of courses, or the excess over base and By, that is not to be
	// missed.
	P0 float64 `yaml:"p0" json:"p0"`
	P1 float64 `yaml:"p1" json:"p1"`
	// Alpha bounds how often a gate fails a head that is no worse than P0 and than base, over all rules and scenarios together. Beta bounds
	// how often it passes one that breaks a rule by P1.
	Alpha float64 `yaml:"alpha" json:"alpha"`
	Beta  float64 `yaml:"beta" json:"beta"`
}

// Voids bounds the share of trials that say nothing.
type Voids struct {
	Most      float64 `yaml:"most" json:"most"`             // of either side
	AboveBase float64 `yaml:"above_base" json:"above_base"` // head's over base's
}

// What records that head adds, drops or rewords are.
const (
	RecordsShown = "shown"
	RecordsFail  = "fail"
)

//go:embed policies/default.yaml
var defaultPolicy []byte

//go:embed policies/complete.yaml
var completePolicy []byte

// DefaultPolicy is the policy where none is named.
const DefaultPolicy = "default"

var builtin = map[string][]byte{DefaultPolicy: defaultPolicy, "complete": completePolicy}

// Policies are the names of the built-in ones.
func Policies() []string { return []string{DefaultPolicy, "complete"} }

// LoadPolicy reads a built-in policy by its name, or a file.
func LoadPolicy(name string) (*Policy, error) {
	if data, ok := builtin[name]; ok {
		return ParsePolicy(name, data)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("policy: %w\n  built in: %s", err, strings.Join(Policies(), ", "))
	}
	return ParsePolicy(name, data)
}

// ParsePolicy reads a policy's YAML. What it leaves out is as in the default policy; unknown keys are errors.
func ParsePolicy(file string, data []byte) (*Policy, error) {
	p := &Policy{}
	if file != DefaultPolicy {
		def, err := ParsePolicy(DefaultPolicy, defaultPolicy)
		if err != nil {
			return nil, err
		}
		*p = *def
		// Rules are those of the file alone: a file that names one kind has no others.
		p.Must, p.NotWorse = nil, nil
		p.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	if err := yaml.UnmarshalWithOptions(data, p, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read policy %s: %w", file, err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("read policy %s: %w", file, err)
	}
	return p, nil
}

// check says everything that is wrong with a policy.
func (p *Policy) check() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	share := func(name string, v, low, high float64) {
		if !(v >= low && v <= high) {
			bad("%s: %v: want %v to %v", name, v, low, high)
		}
	}
	if len(p.Must)+len(p.NotWorse) == 0 {
		bad("neither must nor not_worse: nothing would be decided")
	}
	if len(p.Scenarios) == 0 || len(p.Moments) == 0 {
		bad("no scenarios or no moments")
	}
	for i, m := range p.Must {
		if m.That.text == "" {
			bad("must %d: no condition (that)", i+1)
		}
	}
	for i, w := range p.NotWorse {
		if w.That.text == "" {
			bad("not_worse %d: no condition (that)", i+1)
		}
		share(fmt.Sprintf("not_worse %d: by", i+1), w.By, 0, 0.9)
	}
	if !slices.Contains([]string{RecordsShown, RecordsFail}, p.Records) {
		bad("records: %q: want %s or %s", p.Records, RecordsShown, RecordsFail)
	}
	share("test: p0", p.Test.P0, 0, 0.9)
	share("test: p1", p.Test.P1, 0.01, 1)
	share("test: alpha", p.Test.Alpha, 0.0001, 0.5)
	share("test: beta", p.Test.Beta, 0.0001, 0.5)
	share("voids: most", p.Voids.Most, 0, 1)
	share("voids: above_base", p.Voids.AboveBase, 0, 1)
	if p.Test.P1 <= p.Test.P0 {
		bad("test: p1 %v is not above p0 %v", p.Test.P1, p.Test.P0)
	}
	if p.Courses < 1 || p.Courses > 10_000 || p.Cap < 1 || p.Cap > 10_000 {
		bad("courses %d, cap %d: want 1 to 10000", p.Courses, p.Cap)
	}
	return errors.Join(errs...)
}

// Needs is how many courses of each side a pass takes at least: as many as show, without a single bad one, that P1 is not reached.
func (p *Policy) Needs() int { return p.needs(p.Test.Beta) }

func (p *Policy) needs(beta float64) int {
	n := 1
	for ; n < 1_000_000; n++ {
		ok := len(p.Must) == 0 || upper(0, n, beta) <= p.Test.P1
		for _, w := range p.NotWorse {
			ok = ok && harmBound(0, 0, n, beta) <= p.Test.P1+w.By
		}
		if ok {
			break
		}
	}
	return n
}
