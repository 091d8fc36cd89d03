#!/usr/bin/env python3
"""Reference values of the server optimizers: plain float arithmetic, written from the papers, one value at a time.

FedAvg (McMahan 2017), FedAvgM (Hsu 2019), FedAdagrad, FedYogi, FedAdam (Reddi 2021, algorithm 2), FedAdamW (FedAdam
with decoupled decay). Run: python3 make.py > optimizers.json
"""
import json
import math

eta, beta, beta1, beta2, tau, decay = 0.1, 0.9, 0.9, 0.99, 1e-3, 0.05
start = [0.5, -2.0, 0.0, 1e-3]
deltas = [[0.2, -0.04, 0.0, 3e-4], [-0.1, 0.5, 0.01, -2e-4], [0.05, 0.0, -0.3, 1e-5]]


def sign(value):
    return (value > 0) - (value < 0)


def steps(name):
    out = []
    x, m, v = list(start), [0.0] * 4, [0.0] * 4
    for delta in deltas:
        for i, d in enumerate(delta):
            if name == "fedavg":
                x[i] += eta * d
                continue
            if name == "fedavgm":
                m[i] = beta * m[i] + d
                x[i] += eta * m[i]
                continue
            m[i] = beta1 * m[i] + (1 - beta1) * d
            if name == "fedadagrad":
                v[i] = v[i] + d**2
            elif name == "fedyogi":
                v[i] = v[i] - (1 - beta2) * d**2 * sign(v[i] - d**2)
            else:
                v[i] = beta2 * v[i] + (1 - beta2) * d**2
            if name == "fedadamw":
                x[i] = (1 - eta * decay) * x[i]
            x[i] += eta * m[i] / (math.sqrt(v[i]) + tau)
        out.append(list(x))
    return out


names = ["fedavg", "fedavgm", "fedadagrad", "fedyogi", "fedadam", "fedadamw"]
print(
    json.dumps(
        {
            "rates": {
                "learningRate": eta,
                "momentum": beta,
                "beta1": beta1,
                "beta2": beta2,
                "tau": tau,
                "weightDecay": decay,
            },
            "start": start,
            "deltas": deltas,
            "after": {name: steps(name) for name in names},
        },
        indent=1,
    )
)
