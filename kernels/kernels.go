// SPDX-License-Identifier: Apache-2.0

// Package kernels turns a name of the catalogue into something that boots: the kernel, the probe module built for it, and an
// initramfs that holds our init, the probe and the plan of one trial.
//
// The way of the data: catalogue.yaml (and the user's own) names a source; kernels/debian fetches packages, kernels/build
// compiles trees; kernels/probe builds the module against the result; kernels/guest builds the init; WriteInitramfs packs
// them with a kernels/plan. Everything that takes time lies in kernels/store.
package kernels
