// SPDX-License-Identifier: Apache-2.0

// Package match holds what the specs say about trials, as Gomega matchers: BeWholeOnTheWire, HaveNeverStored, NotBeVoid and so on.
//
// In: a *harness.Trial, or a *grade.Grade where the grade alone decides. Out: a verdict, and on failure the grade as people read it
// together with the folder of the evidence. Whatever has to be computed for a sentence of a spec is computed here; the specs have no
// arithmetic of their own.
package match
