import ApusCore

/// Two jobs of Kubernetes: an indexed one whose pods load the slices, and one that verifies the whole afterwards.
///
/// Source: "Jobs" (Indexed completion, Backoff limit per index, Pod failure policy) of Kubernetes 1.33.
public enum KubernetesJob {
    public static func text(_ work: SharedWork, image: String) -> String {
        """
        # Loads \(work.slices) slices of a plan with Kubernetes, then verifies both sides.
        # Written by `apus export k8s`. Before it:
        #   kubectl create configmap \(work.name)-plan --from-file=plan.json=\(work.planPath)      (a plan of up to 1 MiB)
        #   kubectl create secret generic \(work.name)-env --from-env-file=env       (sets \(work.needs))
        # Then:
        #   kubectl apply -f \(work.name).yaml -l step=load
        #   kubectl wait job/\(work.name) --for=condition=Complete --timeout=24h
        #   kubectl apply -f \(work.name).yaml -l step=verify
        # The plan's hash and the label `apus-job` name the work: apply it again under another one to load the plan again.
        \(job(work, image, step: "load"))
        ---
        \(job(work, image, step: "verify"))

        """
    }

    private static func job(_ work: SharedWork, _ image: String, step: String) -> String {
        let isLoad = step == "load"
        let name = isLoad ? work.name : "\(work.name)-verify"
        let indexed = """
              completionMode: Indexed
              completions: \(work.tasks)
              parallelism: \(work.parallel)
              backoffLimitPerIndex: \(work.attempts - 1)
              maxFailedIndexes: 0
              podFailurePolicy:
                rules:
                  # A mistake that another try does not mend.
                  - action: FailIndex
                    onExitCodes:
                      containerName: apus
                      operator: In
                      values: [64, 78]
                  # A pod that had to leave its node has failed at nothing.
                  - action: Ignore
                    onPodConditions:
                      - type: DisruptionTarget
                        status: "True"
            """
        let load = """
            for slice in $(seq "$JOB_COMPLETION_INDEX" \(work.tasks) \(work.slices - 1)); do
                          \(SharedWork.shell(work.program)) run --plan /plan/plan.json --slice "$slice" --job "$APUS_JOB" \(work.options.joined(separator: " ")) || exit $?
                        done
            """
        let verify = "\(SharedWork.shell(work.program)) verify /plan/plan.json --job \"$APUS_JOB\""
        return """
            apiVersion: batch/v1
            kind: Job
            metadata:
              name: \(name)
              labels: {app: apus, step: \(step), apus-job: "1"}
            spec:
            \(isLoad ? indexed : "  backoffLimit: 2")
              template:
                metadata:
                  labels: {app: apus, step: \(step), apus-job: "1"}
                spec:
                  restartPolicy: Never
                  containers:
                    - name: apus
                      image: \(image.doubleQuoted)
                      command: ["/bin/sh", "-c"]
                      args:
                        - |
                          \(isLoad ? load.replacing("\n", with: "\n  ") : verify)
                      env:
                        - name: APUS_JOB
                          valueFrom: {fieldRef: {fieldPath: "metadata.labels['apus-job']"}}
                      envFrom:
                        - secretRef: {name: \(work.name)-env}
                      volumeMounts:
                        - {name: plan, mountPath: /plan, readOnly: true}
                  volumes:
                    - name: plan
                      configMap: {name: \(work.name)-plan}
            """
    }
}
