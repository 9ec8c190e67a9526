// SPDX-License-Identifier: Apache-2.0

package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"lastpage/harness"
	"lastpage/harness/grade"
)

// matcher is one sentence about a grade. judge returns what is wrong, nothing if all is well; an error means that it cannot be told.
type matcher struct {
	sentence string
	judge    func(t *harness.Trial, g *grade.Grade) (wrong []string, err error)

	wrong []string
}

var _ types.GomegaMatcher = (*matcher)(nil)

func about(sentence string, judge func(*harness.Trial, *grade.Grade) ([]string, error)) types.GomegaMatcher {
	return &matcher{sentence: sentence, judge: judge}
}

// Match implements types.GomegaMatcher.
func (m *matcher) Match(actual any) (bool, error) {
	t, g, err := subject(actual)
	if err != nil {
		return false, err
	}
	m.wrong, err = m.judge(t, g)
	return err == nil && len(m.wrong) == 0, err
}

// FailureMessage implements types.GomegaMatcher.
func (m *matcher) FailureMessage(actual any) string {
	return fmt.Sprintf("expected a trial to %s, but\n  %s\n%s", m.sentence, strings.Join(m.wrong, "\n  "), shown(actual))
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *matcher) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("expected a trial not to %s\n%s", m.sentence, shown(actual))
}

// subject is what a spec may make a statement about.
func subject(actual any) (*harness.Trial, *grade.Grade, error) {
	switch a := actual.(type) {
	case *harness.Trial:
		switch {
		case a == nil:
			return nil, nil, fmt.Errorf("there is no trial")
		case a.Grade == nil:
			return nil, nil, fmt.Errorf("the trial in %s has no grade", a.Dir())
		}
		return a, a.Grade, nil
	case *grade.Grade:
		if a == nil {
			return nil, nil, fmt.Errorf("there is no grade")
		}
		return nil, a, nil
	}
	return nil, nil, fmt.Errorf("want a *harness.Trial or a *grade.Grade, not a %T", actual)
}

// shown is the grade as people read it, and where the evidence lies.
func shown(actual any) string {
	t, g, err := subject(actual)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	if t != nil {
		fmt.Fprintf(&b, "evidence: %s\n", t.Dir())
	}
	if err := grade.WriteText(&b, g); err != nil {
		return err.Error()
	}
	return b.String()
}
