// SPDX-License-Identifier: Apache-2.0

package results

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"
)

type (
	junitAll struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
		Skipped *junitProblem `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit: what the kernel did is a failure, what we did or do not know an error.
func writeJUnit(w io.Writer, s *Suite) error {
	all := junitAll{Name: "lastpage " + s.Name}
	order, of := s.groups()
	for _, group := range order {
		suite := junitSuite{Name: group, Time: "0", Timestamp: s.Started.UTC().Format("2006-01-02T15:04:05"), Properties: s.properties()}
		for _, c := range of[group] {
			jc := junitCase{Class: "lastpage." + s.Name + "." + group, Name: c.Name, Time: "0", Out: c.Log}
			problem := &junitProblem{Message: c.Why, Type: string(c.Status), Text: c.Dir}
			suite.Tests++
			switch c.Status {
			case Fail:
				suite.Failures++
				jc.Failure = problem
			case Error, Miss:
				suite.Errors++
				jc.Error = problem
			case Skip:
				suite.Skipped++
				jc.Skipped = problem
			default:
				if jc.Out == "" {
					jc.Out = c.Why
				}
			}
			suite.Cases = append(suite.Cases, jc)
		}
		all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+suite.Tests, all.Failures+suite.Failures, all.Errors+suite.Errors, all.Skipped+suite.Skipped
		all.Suites = append(all.Suites, suite)
	}
	if !s.Finished.IsZero() && len(all.Suites) > 0 {
		all.Suites[0].Time = fmt.Sprintf("%.3f", s.Finished.Sub(s.Started).Round(time.Millisecond).Seconds())
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// properties are what holds for all cases.
func (s *Suite) properties() (all []junitProperty) {
	for _, p := range []junitProperty{{"made_by", s.Made}, {"board", s.Board}, {"command", s.Command}} {
		if p.Value != "" {
			all = append(all, p)
		}
	}
	for _, k := range s.Kernels {
		all = append(all, junitProperty{"kernel." + k.Name, k.Release})
	}
	return all
}
