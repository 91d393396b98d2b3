/// A shell script that submits an array job to Slurm, one task a slice, and a job that verifies the whole afterwards.
///
/// A task whose worker was lost or could not reach its databases is put back into the queue; slices that are loaded are
/// passed over. Sources: "sbatch" (INPUT ENVIRONMENT VARIABLES, --array, --requeue, --dependency), "scontrol" (requeue).
public enum SlurmScript {
    public static func text(_ work: SharedWork) -> String {
        let program = SharedWork.shell(work.program), plan = SharedWork.shell(work.planPath)
        return """
            #!/bin/bash
            # Loads \(work.slices) slices of \(work.planPath) with Slurm, then verifies both sides.
            # Written by `apus export slurm`. Run it on a node that can submit jobs:
            #   bash \(work.name).sh [options of sbatch for both jobs, e.g. -p batch]
            #   bash \(work.name).sh --wait    waits for the verifying job and ends with its exit code
            #
            # \(work.program), the plan and this folder must be there on every node, and these variables must be set:
            #   \(work.needs)
            # APUS_LEDGER is a MySQL or PostgreSQL database that all nodes reach. APUS_ENV may name a file, readable by you alone,
            # that sets them (KEY=value a line), so that Slurm keeps no password. APUS_JOB names the work: give the name of an
            # earlier submission to go on where it ended.
            set -euo pipefail
            : "${APUS_JOB:=$(date +%Y%m%dT%H%M%S)-$$}"
            export APUS_JOB APUS_ENV="${APUS_ENV:-}"
            if [ -z "$APUS_ENV" ]; then
            \(required(work))
            fi
            wait=()
            options=()
            for option in "$@"; do
              if [ "$option" = --wait ]; then wait=(--wait); else options+=("$option"); fi
            done

            array=$(sbatch --parsable "${options[@]}" <<'SLURM'
            #!/bin/bash
            #SBATCH --job-name=\(work.name)
            #SBATCH --array=0-\(work.tasks - 1)%\(work.parallel)
            #SBATCH --ntasks=1
            #SBATCH --requeue
            #SBATCH --open-mode=append
            #SBATCH --output=\(work.name)-%A_%a.log
            set -u
            if [ -n "$APUS_ENV" ]; then set -a; . "$APUS_ENV"; set +a; fi
            echo "$(date +%FT%T) task $SLURM_ARRAY_TASK_ID on ${SLURMD_NODENAME:-$HOSTNAME}, try $((${SLURM_RESTART_COUNT:-0} + 1))"
            for ((slice = SLURM_ARRAY_TASK_ID; slice < \(work.slices); slice += \(work.tasks))); do
              status=0
              \(program) run --plan \(plan) --slice "$slice" --job "$APUS_JOB" \(work.options.joined(separator: " ")) || status=$?
              case $status in
                0) ;;
                64|78) exit "$status" ;;   # a mistake that another try does not mend
                *)
                  echo "slice $slice ended with $status"
                  if [ "${SLURM_RESTART_COUNT:-0}" -lt \(work.attempts - 1) ]; then
                    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" && sleep 60
                  fi
                  exit "$status" ;;
              esac
            done
            SLURM
            )
            array=${array%%;*}
            echo "job $APUS_JOB: array $array loads \(work.slices) slices in \(work.tasks) tasks, \(work.parallel) at a time"

            # After all tasks, whatever became of them: what is missing is said there.
            sbatch "${wait[@]}" "${options[@]}" --dependency="afterany:$array" <<'SLURM'
            #!/bin/bash
            #SBATCH --job-name=\(work.name)-verify
            #SBATCH --ntasks=1
            #SBATCH --requeue
            #SBATCH --open-mode=append
            #SBATCH --output=\(work.name)-%j-verify.log
            set -u
            if [ -n "$APUS_ENV" ]; then set -a; . "$APUS_ENV"; set +a; fi
            exec \(program) verify \(plan) --job "$APUS_JOB"
            SLURM

            """
    }

    private static func required(_ work: SharedWork) -> String {
        (["APUS_LEDGER"] + work.variables).map { "  : \"${\($0):?is not set, and neither is APUS_ENV}\"" }.joined(separator: "\n")
    }
}
