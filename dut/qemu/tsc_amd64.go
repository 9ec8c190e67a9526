// SPDX-License-Identifier: Apache-2.0

package qemu

func readTSC() uint64
