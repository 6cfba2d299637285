//go:build tools

// Package tools names the programs that this module pins.
package tools

import (
	_ "github.com/prometheus-operator/prometheus-operator/cmd/po-rule-migration"
	_ "helm.sh/helm/v4/cmd/helm"
	_ "sigs.k8s.io/kustomize/kustomize/v5"
)
