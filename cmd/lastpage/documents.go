// SPDX-License-Identifier: Apache-2.0

package main

import (
	"lastpage/capture/port"
	"lastpage/harness/compare"
	"lastpage/kernels"
	"lastpage/lab"
)

// The JSON documents that are made here, of lists that name no schema of their own. docs/json.md describes them.
type (
	boardsDocument struct {
		Schema string       `json:"schema"`
		Boards []*lab.Board `json:"boards"`
	}
	catalogueDocument struct {
		Schema string `json:"schema"`
		*kernels.Catalogue
	}
	imagesDocument struct {
		Schema string           `json:"schema"`
		Images []*kernels.Image `json:"images"`
	}
	doctorDocument struct {
		Schema   string        `json:"schema"`
		OK       bool          `json:"ok"` // `lastpage run` can work here
		Findings []lab.Finding `json:"findings"`
	}
	capturesDocument struct {
		Schema   string         `json:"schema"`
		Captures []*port.Report `json:"captures"`
	}
	sweepsDocument struct {
		Schema string           `json:"schema"`
		Sweeps []*compare.Sweep `json:"sweeps"`
	}
)

// Schemas of these documents.
const (
	boardsSchema    = "lastpage.boards/1"
	catalogueSchema = "lastpage.catalogue/1"
	imagesSchema    = "lastpage.images/1"
	doctorSchema    = "lastpage.doctor/1"
	capturesSchema  = "lastpage.captures/1"
	sweepsSchema    = "lastpage.sweeps/1"
)
