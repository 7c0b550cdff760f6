/** This file was auto-generated from the service's OpenAPI document by tools/api-types.ts: do not edit it. */

export interface paths {
    "/api/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getDocumentation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/configuration/apply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["applyConfiguration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/configuration/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["planConfiguration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["streamEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/import/job-orchestra": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["importJobOrchestra"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/authentications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listOwnTokens"];
        put?: never;
        post: operations["createOwnToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/authentications/{identifier}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getOwnToken"];
        put?: never;
        post?: never;
        delete: operations["deleteOwnToken"];
        options?: never;
        head?: never;
        patch: operations["changeOwnToken"];
        trace?: never;
    };
    "/api/v1/me/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["signIn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["signOut"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["setOwnPassword"];
        post: operations["setPasswordByLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/reauthenticate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["reauthenticate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listOwnSessions"];
        put?: never;
        post?: never;
        delete: operations["endOwnSessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/sessions/{identifier}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: operations["endOwnSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getOpenapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listProjects"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getProject"];
        put: operations["putProject"];
        post?: never;
        delete: operations["deleteProject"];
        options?: never;
        head?: never;
        patch: operations["changeProject"];
        trace?: never;
    };
    "/api/v1/projects/{project}/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listJobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/jobs/{job}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getJob"];
        put: operations["putJob"];
        post?: never;
        delete: operations["deleteJob"];
        options?: never;
        head?: never;
        patch: operations["changeJob"];
        trace?: never;
    };
    "/api/v1/projects/{project}/jobs/{job}/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listJobRevisions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/jobs/{job}/revisions/{revision}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getJobRevision"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/jobs/{job}/revisions/{revision}/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getJobChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/jobs/{job}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listRunsOfJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/jobs/{job}/runs/{number}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getRunByNumber"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/jobs/{job}/trigger": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["triggerJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listRunsOfProject"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/schedules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSchedules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}/schedules/{schedule}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getSchedule"];
        put: operations["putSchedule"];
        post?: never;
        delete: operations["deleteSchedule"];
        options?: never;
        head?: never;
        patch: operations["changeSchedule"];
        trace?: never;
    };
    "/api/v1/projects/{project}/schedules/{schedule}/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["previewSchedule"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getRun"];
        put?: never;
        post?: never;
        delete: operations["deleteRun"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/abort": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["abortRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/archive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getArchive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listArtifacts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/artifacts/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getArtifact"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["cancelRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/close": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["closeRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listEventsOfRun"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["explainRun"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/log/info": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getLogInfo"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/log/lines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getLogLines"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/log/lines/{line}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getLogLine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/log/sections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listLogSections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/log/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["streamLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getResults"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["retryRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run}/steps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSteps"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/bulk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["bulkRuns"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/schedules/forecast": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["forecastSchedules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/schedules/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["previewExpression"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listUsers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getUser"];
        put: operations["putUser"];
        post?: never;
        delete: operations["deleteUser"];
        options?: never;
        head?: never;
        patch: operations["changeUser"];
        trace?: never;
    };
    "/api/v1/users/{user}/authentications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listAuthentications"];
        put?: never;
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}/authentications/{identifier}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getAuthentication"];
        put?: never;
        post?: never;
        delete: operations["deleteAuthentication"];
        options?: never;
        head?: never;
        patch: operations["changeAuthentication"];
        trace?: never;
    };
    "/api/v1/users/{user}/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["createLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["setPassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSessions"];
        put?: never;
        post?: never;
        delete: operations["endSessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listWorkers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers/{worker}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getWorker"];
        put?: never;
        post?: never;
        delete: operations["deleteWorker"];
        options?: never;
        head?: never;
        patch: operations["changeWorker"];
        trace?: never;
    };
    "/api/v1/workers/{worker}/disconnect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["disconnectWorker"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["isLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["isReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Absence: {
            deadline: string | null;
            /** Format: date-time */
            since: string;
            worker: string;
        };
        /** @enum {unknown} */
        Action: "create" | "delete" | "update";
        Advice: {
            code: string;
            message: string;
        };
        Artifact: {
            path: string;
            sha256: string;
            size: number;
            state: components["schemas"]["ArtifactState"];
        };
        ArtifactPage: {
            items: components["schemas"]["Artifact"][];
            next_cursor: string | null;
        };
        /** @enum {unknown} */
        ArtifactState: "awaited" | "lost" | "stored";
        Authentication: {
            /** Format: date-time */
            creation_date: string;
            description: string;
            expiration_date: string | null;
            identifier: string;
            last_use_date: string | null;
            roles: string[] | null;
            type: components["schemas"]["AuthenticationType"];
            /** Format: date-time */
            update_date: string;
            user: string;
        };
        AuthenticationChange: {
            description?: string;
            expiration_date?: string | null;
        };
        AuthenticationPage: {
            items: components["schemas"]["Authentication"][];
            next_cursor: string | null;
        };
        /** @enum {unknown} */
        AuthenticationType: "password" | "token";
        /** @enum {unknown} */
        BulkAction: "abort" | "cancel" | "delete" | "retry";
        BulkInput: {
            action: components["schemas"]["BulkAction"];
            cursor?: string | null;
            dry_run?: boolean;
            ids?: string[] | null;
            q?: string | null;
        };
        BulkItem: {
            created: string | null;
            outcome: components["schemas"]["BulkOutcome"];
            reason: string | null;
            run: string;
        };
        /** @enum {unknown} */
        BulkOutcome: "done" | "refused" | "would";
        BulkResult: {
            action: components["schemas"]["BulkAction"];
            dry_run: boolean;
            items: components["schemas"]["BulkItem"][];
            matched: number;
            next_cursor: string | null;
        };
        Cause: {
            code: components["schemas"]["CauseCode"];
            message: string;
        };
        /** @enum {unknown} */
        CauseCode: "aborted_by" | "assigned" | "bad_definition" | "bad_template" | "cancelled_by" | "cannot_start" | "closed_by" | "disk_full" | "executor_lost" | "exit_code" | "expired" | "group_full" | "host_rebooted" | "imported" | "job_disabled" | "lease_lapsed" | "no_such_program" | "output_limit" | "overlap" | "paused" | "running" | "signal" | "silence_timeout" | "succeeded" | "timeout" | "waiting_for_worker" | "worker_lost";
        Change: {
            action: components["schemas"]["Action"];
            fields: components["schemas"]["FieldChange"][];
            kind: components["schemas"]["Kind"];
            path: string;
        };
        ClockChange: {
            count: number;
            /** Format: date-time */
            date: string;
            items: components["schemas"]["PreviewItem"][];
            text: string;
        };
        CloseInput: {
            reason: string;
        };
        ConfigurationFile: {
            content: string;
            name: string;
        };
        ConfigurationInput: {
            files: components["schemas"]["ConfigurationFile"][];
            prune?: boolean;
            source?: string;
        };
        Difference: {
            after: unknown;
            before: unknown;
            path: string;
        };
        Event: {
            actor: string | null;
            data: Record<string, unknown>;
            /** Format: date-time */
            date: string;
            job: string | null;
            project: string | null;
            run: string | null;
            run_sequence: number | null;
            sequence: number;
            type: components["schemas"]["EventType"];
            user: string | null;
            worker: string | null;
        };
        EventPage: {
            items: components["schemas"]["Event"][];
            next_cursor: string | null;
        };
        /** @enum {unknown} */
        EventType: "authentication.created" | "authentication.deleted" | "authentication.link_created" | "authentication.password_set" | "authentication.refused" | "authentication.updated" | "job.created" | "job.deleted" | "job.updated" | "project.created" | "project.deleted" | "project.updated" | "run.abort_requested" | "run.aborted" | "run.artifacts_stored" | "run.assigned" | "run.cancel_requested" | "run.cancelled" | "run.created" | "run.deleted" | "run.exception" | "run.failed" | "run.given_back" | "run.log_completed" | "run.skipped" | "run.started" | "run.succeeded" | "schedule.created" | "schedule.deleted" | "schedule.updated" | "session.created" | "session.ended" | "user.created" | "user.deleted" | "user.updated" | "worker.connected" | "worker.deleted" | "worker.disconnected" | "worker.rejected" | "worker.updated";
        Explanation: {
            away: components["schemas"]["Absence"] | null;
            cause: components["schemas"]["Cause"];
            nearest: string | null;
            position: number | null;
            run: string;
            status: components["schemas"]["RunStatus"];
            stop: string | null;
            workers: components["schemas"]["Verdict"][];
        };
        FieldChange: {
            new: unknown;
            old: unknown;
            path: string;
        };
        Forecast: {
            heaviest: components["schemas"]["Heavy"][];
            hours: components["schemas"]["ForecastHour"][];
            is_complete: boolean;
            schedules: number;
            slots: number | null;
            without_duration: number;
        };
        ForecastHour: {
            busy_s: number;
            /** Format: date-time */
            date: string;
            firings: number;
        };
        /** @enum {unknown} */
        FoundType: "job" | "project" | "run" | "schedule" | "user" | "worker";
        Health: {
            status: string;
        };
        Heavy: {
            busy_s: number;
            firings: number;
            project: string;
            schedule: string;
        };
        Hit: {
            display_name: string;
            identifier: string;
            path: string;
            project: string | null;
            type: components["schemas"]["FoundType"];
        };
        Hits: {
            items: components["schemas"]["Hit"][];
        };
        /** @enum {unknown} */
        ImportAction: "conflict" | "create" | "none" | "unchanged";
        ImportCounts: {
            conflict: number;
            create: number;
            full: number;
            not_supported: number;
            partial: number;
            unchanged: number;
        };
        ImportFile: {
            content: string;
            name: string;
        };
        ImportItem: {
            action: components["schemas"]["ImportAction"];
            path: string;
            reasons: string[];
            support: components["schemas"]["Support"];
            table: components["schemas"]["Table"];
        };
        ImportReport: {
            counts: {
                [key: string]: components["schemas"]["ImportCounts"];
            };
            dry_run: boolean;
            items: components["schemas"]["ImportItem"][];
            missing: components["schemas"]["Table"][];
            notes: string[];
        };
        Job: {
            /** Format: date-time */
            creation_date: string;
            definition: Record<string, unknown>;
            description: string;
            display_name: string;
            group: string;
            identifier: string;
            is_enabled: boolean;
            managed_by: string;
            parameters: components["schemas"]["Parameter"][];
            policy: Record<string, unknown>;
            project: string;
            properties: Record<string, unknown>;
            revision: number;
            /** Format: date-time */
            update_date: string;
        };
        JobChange: {
            definition?: {
                artifacts?: string[] | null;
                commands: (string | (string | number | boolean)[] | {
                    directory?: string | null;
                    environment?: {
                        [key: string]: string | number | boolean;
                    } | null;
                    name?: string | null;
                    run: string | (string | number | boolean)[];
                    timeout?: (string | number) | null;
                })[];
                container?: {
                    engine?: ("auto" | "podman" | "docker") | null;
                    image: string;
                    options?: (string | number | boolean)[] | null;
                } | null;
                directory?: string | null;
                environment?: {
                    [key: string]: string | number | boolean;
                } | null;
                finally?: (string | (string | number | boolean)[] | {
                    directory?: string | null;
                    environment?: {
                        [key: string]: string | number | boolean;
                    } | null;
                    name?: string | null;
                    run: string | (string | number | boolean)[];
                    timeout?: (string | number) | null;
                })[] | null;
                grace?: (string | number) | null;
                memory_limit?: (string | number) | null;
                nice?: number | null;
                output_limit?: {
                    action?: ("cut" | "fail") | null;
                    size: string | number;
                } | null;
                silence_timeout?: (string | number) | null;
                terminal?: boolean | null;
                timeout?: (string | number) | null;
                /** @enum {string} */
                type: "commands";
                user?: string | null;
                workspace?: ("reuse" | "clean") | null;
            } | {
                elements: {
                    after?: {
                        element: string;
                        status?: ("aborted" | "cancelled" | "exception" | "failed" | "skipped" | "succeeded")[] | null;
                    }[] | null;
                    approval?: (boolean | {
                        message?: string | null;
                    }) | null;
                    for_each?: (string | (string | number | boolean | null)[]) | null;
                    identifier: string;
                    job: string;
                    matrix?: {
                        [key: string]: (string | number | boolean | null)[];
                    } | null;
                    parameters?: {
                        [key: string]: string | number | boolean | null;
                    } | null;
                    project?: string | null;
                }[];
                /** @enum {string} */
                type: "pipeline";
            };
            description?: string | null;
            display_name?: string | null;
            group?: string | null;
            is_enabled?: boolean | null;
            parameters?: {
                choices?: (string | number | boolean | null)[] | null;
                default?: (string | number | boolean | null) | null;
                description?: string | null;
                is_required?: boolean | null;
                key: string;
                pattern?: string | null;
                type?: ("string" | "integer" | "number" | "boolean" | "choice" | "text" | "secret") | null;
            }[] | null;
            policy?: {
                concurrency?: {
                    group: string;
                    limit?: number | null;
                    overflow?: "queue" | null;
                } | null;
                exclusive?: (boolean | {
                    lease: string | number;
                }) | null;
                expiration?: (string | number) | null;
                on_worker_lost?: ("wait" | {
                    fail_after: string | number;
                }) | null;
                priority?: number | null;
                retention?: Record<string, unknown> | null;
                retry?: {
                    delay?: (string | number) | null;
                    limit?: number | null;
                    on?: (("exit_code" | "signal" | "timeout" | "silence_timeout" | "no_such_program" | "worker_lost" | "host_rebooted" | "executor_lost" | "lease_lapsed" | "disk_full" | "output_limit") | number)[] | null;
                } | null;
            } | null;
            properties?: {
                [key: string]: (string | number | boolean) | (string | number | boolean)[];
            } | null;
        };
        JobInput: {
            definition: {
                artifacts?: string[] | null;
                commands: (string | (string | number | boolean)[] | {
                    directory?: string | null;
                    environment?: {
                        [key: string]: string | number | boolean;
                    } | null;
                    name?: string | null;
                    run: string | (string | number | boolean)[];
                    timeout?: (string | number) | null;
                })[];
                container?: {
                    engine?: ("auto" | "podman" | "docker") | null;
                    image: string;
                    options?: (string | number | boolean)[] | null;
                } | null;
                directory?: string | null;
                environment?: {
                    [key: string]: string | number | boolean;
                } | null;
                finally?: (string | (string | number | boolean)[] | {
                    directory?: string | null;
                    environment?: {
                        [key: string]: string | number | boolean;
                    } | null;
                    name?: string | null;
                    run: string | (string | number | boolean)[];
                    timeout?: (string | number) | null;
                })[] | null;
                grace?: (string | number) | null;
                memory_limit?: (string | number) | null;
                nice?: number | null;
                output_limit?: {
                    action?: ("cut" | "fail") | null;
                    size: string | number;
                } | null;
                silence_timeout?: (string | number) | null;
                terminal?: boolean | null;
                timeout?: (string | number) | null;
                /** @enum {string} */
                type: "commands";
                user?: string | null;
                workspace?: ("reuse" | "clean") | null;
            } | {
                elements: {
                    after?: {
                        element: string;
                        status?: ("aborted" | "cancelled" | "exception" | "failed" | "skipped" | "succeeded")[] | null;
                    }[] | null;
                    approval?: (boolean | {
                        message?: string | null;
                    }) | null;
                    for_each?: (string | (string | number | boolean | null)[]) | null;
                    identifier: string;
                    job: string;
                    matrix?: {
                        [key: string]: (string | number | boolean | null)[];
                    } | null;
                    parameters?: {
                        [key: string]: string | number | boolean | null;
                    } | null;
                    project?: string | null;
                }[];
                /** @enum {string} */
                type: "pipeline";
            };
            description?: string | null;
            display_name?: string | null;
            group?: string | null;
            is_enabled?: boolean | null;
            parameters?: {
                choices?: (string | number | boolean | null)[] | null;
                default?: (string | number | boolean | null) | null;
                description?: string | null;
                is_required?: boolean | null;
                key: string;
                pattern?: string | null;
                type?: ("string" | "integer" | "number" | "boolean" | "choice" | "text" | "secret") | null;
            }[] | null;
            policy?: {
                concurrency?: {
                    group: string;
                    limit?: number | null;
                    overflow?: "queue" | null;
                } | null;
                exclusive?: (boolean | {
                    lease: string | number;
                }) | null;
                expiration?: (string | number) | null;
                on_worker_lost?: ("wait" | {
                    fail_after: string | number;
                }) | null;
                priority?: number | null;
                retention?: Record<string, unknown> | null;
                retry?: {
                    delay?: (string | number) | null;
                    limit?: number | null;
                    on?: (("exit_code" | "signal" | "timeout" | "silence_timeout" | "no_such_program" | "worker_lost" | "host_rebooted" | "executor_lost" | "lease_lapsed" | "disk_full" | "output_limit") | number)[] | null;
                } | null;
            } | null;
            properties?: {
                [key: string]: (string | number | boolean) | (string | number | boolean)[];
            } | null;
        };
        JobOrchestraImport: {
            dry_run?: boolean;
            files: components["schemas"]["ImportFile"][];
        };
        JobPage: {
            items: components["schemas"]["Job"][];
            next_cursor: string | null;
        };
        JobRevision: {
            changed: string[];
            /** Format: date-time */
            creation_date: string;
            creator: string | null;
            job: string;
            project: string;
            revision: number;
        };
        JobRevisionDetail: {
            changed: string[];
            /** Format: date-time */
            creation_date: string;
            creator: string | null;
            definition: Record<string, unknown>;
            job: string;
            parameters: components["schemas"]["Parameter"][];
            policy: Record<string, unknown>;
            project: string;
            properties: Record<string, unknown>;
            revision: number;
        };
        JobRevisionPage: {
            items: components["schemas"]["JobRevision"][];
            next_cursor: string | null;
        };
        /** @enum {unknown} */
        Kind: "job" | "project" | "schedule";
        Link: {
            code: string;
            /** Format: date-time */
            expiration_date: string;
            path: string;
            purpose: string;
        };
        LiveAlive: {
            /** @enum {unknown} */
            type: "alive";
        };
        LiveClientMessage: components["schemas"]["LiveSubscribe"] | components["schemas"]["LiveUnsubscribe"];
        LiveError: {
            id: string;
            problem: components["schemas"]["Problem"];
            /** @enum {unknown} */
            type: "error";
        };
        LiveHello: {
            seq: number;
            /** @enum {unknown} */
            type: "hello";
            user: string;
            version: string;
        };
        LiveLog: {
            bytes: number;
            complete: boolean;
            cut?: [
                number,
                number
            ][];
            from: number;
            id: string;
            lines?: string[];
            seq: number;
            sgr?: string;
            times?: [
                number,
                number
            ][];
            total: number;
            /** @enum {unknown} */
            type: "log";
        };
        LiveRemove: {
            id: string;
            identifiers: string[];
            items: unknown[];
            seq: number;
            /** @enum {unknown} */
            type: "remove";
        };
        LiveResync: {
            id: string;
            reason: string;
            seq: number;
            /** @enum {unknown} */
            type: "resync";
        };
        LiveServerMessage: components["schemas"]["LiveHello"] | components["schemas"]["LiveAlive"] | components["schemas"]["LiveSnapshot"] | components["schemas"]["LiveUpsert"] | components["schemas"]["LiveRemove"] | components["schemas"]["LiveLog"] | components["schemas"]["LiveResync"] | components["schemas"]["LiveError"];
        LiveSnapshot: {
            id: string;
            item?: unknown;
            items?: unknown[];
            next_cursor?: string | null;
            seq: number;
            /** @enum {unknown} */
            type: "snapshot";
        };
        LiveSubscribe: {
            args?: Record<string, unknown>;
            id: string;
            /** @enum {unknown} */
            op: "sub";
            since?: number | null;
            topic: string;
        };
        LiveUnsubscribe: {
            id: string;
            /** @enum {unknown} */
            op: "unsub";
        };
        LiveUpsert: {
            id: string;
            item?: unknown;
            items?: unknown[];
            seq: number;
            /** @enum {unknown} */
            type: "upsert";
        };
        LogEnd: {
            bytes: number;
            complete: boolean;
            status: components["schemas"]["RunStatus"];
        };
        LogInfo: {
            bytes: number;
            complete: boolean;
            first_time: string | null;
            last_time: string | null;
            lines: number;
            truncated: string | null;
        };
        LogPiece: {
            base64?: string | null;
            offset: number;
            text?: string | null;
        };
        LogSection: {
            first: number;
            id: string;
            last: number | null;
            name: string;
            parent: string | null;
        };
        LogSectionPage: {
            items: components["schemas"]["LogSection"][];
            next_cursor: string | null;
        };
        LogWindow: {
            complete: boolean;
            cut: [
                number,
                number
            ][];
            lines: string[];
            sgr: string;
            start: number;
            times: [
                number,
                number
            ][];
            total: number;
        };
        Me: {
            authentication: components["schemas"]["MeAuthentication"];
            csrf_token: string | null;
            permissions: components["schemas"]["Permission"][];
            projects: {
                [key: string]: components["schemas"]["Permission"][];
            };
            user: components["schemas"]["MeUser"];
        };
        MeAuthentication: {
            authentication_date: string | null;
            expiration_date: string | null;
            identifier: string | null;
            kind: string;
            roles: string[] | null;
        };
        MeUser: {
            display_name: string;
            has_password: boolean;
            identifier: string;
            is_enabled: boolean;
            roles: string[];
        };
        Mismatch: {
            has: unknown;
            property: string;
            wanted: unknown;
        };
        NewToken: {
            /** Format: date-time */
            creation_date: string;
            description: string;
            expiration_date: string | null;
            identifier: string;
            last_use_date: string | null;
            roles: string[] | null;
            secret: string;
            type: components["schemas"]["AuthenticationType"];
            /** Format: date-time */
            update_date: string;
            user: string;
        };
        Overview: {
            runs: components["schemas"]["RunCounts"];
            workers: components["schemas"]["WorkerCounts"] | null;
        };
        OwnPassword: {
            current_password?: string | null;
            password: string;
        };
        Parameter: {
            choices: (boolean | number | string)[];
            default: boolean | number | string | null;
            description: string;
            is_required: boolean;
            key: string;
            pattern: string | null;
            type: components["schemas"]["ParameterType"];
        };
        /** @enum {unknown} */
        ParameterType: "boolean" | "choice" | "integer" | "number" | "secret" | "string" | "text";
        Password: {
            password: string;
        };
        PasswordByLink: {
            code: string;
            password: string;
        };
        /** @enum {unknown} */
        Permission: "account.read" | "account.token.create" | "account.token.delete" | "account.token.read" | "account.update" | "audit.read" | "configuration.apply" | "configuration.read" | "documentation.read" | "event.read" | "health.read" | "job.enable" | "job.read" | "job.trigger" | "job.update" | "metrics.read" | "project.read" | "project.update" | "run.abort" | "run.cancel" | "run.close" | "run.delete" | "run.read" | "run.retry" | "schedule.enable" | "schedule.read" | "schedule.update" | "session.create" | "user.inspect" | "user.read" | "user.update" | "website.read" | "worker.connect" | "worker.enable" | "worker.read" | "worker.update";
        Plan: {
            changes: components["schemas"]["Change"][];
            leftovers: components["schemas"]["Change"][];
            warnings: components["schemas"]["PlanWarning"][];
        };
        PlanWarning: {
            code: string;
            message: string;
            path: string;
        };
        Preview: {
            changes: components["schemas"]["ClockChange"][];
            expression: string;
            items: components["schemas"]["PreviewItem"][];
            text: string;
            time_zone: string;
            warnings: components["schemas"]["Advice"][];
        };
        PreviewItem: {
            /** Format: date-time */
            fire_date: string;
            /** Format: date-time */
            local_date: string;
            local_times: string[];
            note: string | null;
        };
        Problem: {
            code: string;
            detail: string;
            errors?: components["schemas"]["ProblemError"][];
            request_id?: string;
            status: number;
            title: string;
            type: string;
        };
        ProblemError: {
            column?: number | null;
            file?: string | null;
            line?: number | null;
            message: string;
            path: string;
        };
        Project: {
            /** Format: date-time */
            creation_date: string;
            description: string;
            display_name: string;
            identifier: string;
            managed_by: string;
            services: {
                [key: string]: Record<string, unknown>;
            };
            /** Format: date-time */
            update_date: string;
        };
        ProjectChange: {
            description?: string | null;
            display_name?: string | null;
            services?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            } | null;
        };
        ProjectInput: {
            description?: string | null;
            display_name?: string | null;
            services?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            } | null;
        };
        ProjectPage: {
            items: components["schemas"]["Project"][];
            next_cursor: string | null;
        };
        /** @enum {unknown} */
        Reason: "disabled" | "matches" | "offline" | "property_differs" | "slots_full";
        Reauthentication: {
            password?: string | null;
            token?: string | null;
        };
        RetryInput: {
            parameters?: Record<string, unknown>;
        };
        RevisionChanges: {
            changes: components["schemas"]["Difference"][];
            revision: number;
            since: number;
        };
        Run: {
            artifact_count: number;
            artifact_error: string | null;
            artifact_size: number;
            artifacts_complete: boolean;
            cause: components["schemas"]["Cause"];
            completion_date: string | null;
            /** Format: date-time */
            creation_date: string;
            definition: Record<string, unknown>;
            expiration_date: string | null;
            identifier: string;
            job: string;
            job_revision: number;
            log_complete: boolean;
            log_error: string | null;
            log_size: number;
            number: number;
            parameters: Record<string, unknown>;
            priority: number;
            project: string;
            result_error: string | null;
            results: unknown;
            should_abort: boolean;
            should_cancel: boolean;
            source: Record<string, unknown>;
            start_date: string | null;
            status: components["schemas"]["RunStatus"];
            steps: components["schemas"]["Step"][];
            stop: components["schemas"]["Stop"] | null;
            /** Format: date-time */
            update_date: string;
            worker: string | null;
            worker_properties: Record<string, unknown> | null;
        };
        RunCounts: {
            assigned: number;
            last_24_hours: {
                [key: string]: number;
            };
            pending: number;
            running: number;
        };
        RunInList: {
            artifact_count: number;
            artifact_error: string | null;
            artifact_size: number;
            artifacts_complete: boolean;
            cause: components["schemas"]["Cause"];
            completion_date: string | null;
            /** Format: date-time */
            creation_date: string;
            expiration_date: string | null;
            identifier: string;
            job: string;
            job_revision: number;
            log_complete: boolean;
            log_error: string | null;
            log_size: number;
            number: number;
            parameters: Record<string, unknown>;
            priority: number;
            project: string;
            result_error: string | null;
            results: unknown;
            should_abort: boolean;
            should_cancel: boolean;
            source: Record<string, unknown>;
            start_date: string | null;
            status: components["schemas"]["RunStatus"];
            steps: components["schemas"]["Step"][];
            stop: components["schemas"]["Stop"] | null;
            /** Format: date-time */
            update_date: string;
            worker: string | null;
            worker_properties: Record<string, unknown> | null;
        };
        RunPage: {
            items: components["schemas"]["RunInList"][];
            next_cursor: string | null;
        };
        /** @enum {unknown} */
        RunStatus: "aborted" | "assigned" | "cancelled" | "exception" | "failed" | "pending" | "running" | "skipped" | "succeeded";
        RunSummary: {
            artifact_count: number;
            artifact_error: string | null;
            artifact_size: number;
            artifacts_complete: boolean;
            cause: components["schemas"]["Cause"];
            completion_date: string | null;
            /** Format: date-time */
            creation_date: string;
            expiration_date: string | null;
            identifier: string;
            job: string;
            job_revision: number;
            log_complete: boolean;
            log_error: string | null;
            log_size: number;
            number: number;
            parameters: Record<string, unknown>;
            priority: number;
            project: string;
            result_error: string | null;
            should_abort: boolean;
            should_cancel: boolean;
            source: Record<string, unknown>;
            start_date: string | null;
            status: components["schemas"]["RunStatus"];
            /** Format: date-time */
            update_date: string;
            worker: string | null;
        };
        Schedule: {
            /** Format: date-time */
            creation_date: string;
            display_name: string;
            expression: string;
            identifier: string;
            is_enabled: boolean;
            jitter: number;
            job: string;
            last_run: string | null;
            managed_by: string;
            misfire: string;
            misfire_window: number;
            next_fire: string | null;
            overlap: string;
            parameters: Record<string, unknown>;
            project: string;
            time_zone: string;
            /** Format: date-time */
            update_date: string;
        };
        ScheduleChange: {
            display_name?: string | null;
            expression?: string;
            is_enabled?: boolean | null;
            jitter?: (string | number) | null;
            job?: string;
            misfire?: ("none" | "latest" | "all") | null;
            misfire_window?: (string | number) | null;
            overlap?: ("skip" | "queue_one" | "queue_all" | "cancel_other" | "abort_other" | "allow") | null;
            parameters?: {
                [key: string]: unknown;
            } | null;
            time_zone?: string | null;
        };
        ScheduleInput: {
            display_name?: string | null;
            expression: string;
            is_enabled?: boolean | null;
            jitter?: (string | number) | null;
            job: string;
            misfire?: ("none" | "latest" | "all") | null;
            misfire_window?: (string | number) | null;
            overlap?: ("skip" | "queue_one" | "queue_all" | "cancel_other" | "abort_other" | "allow") | null;
            parameters?: {
                [key: string]: unknown;
            } | null;
            time_zone?: string | null;
        };
        SchedulePage: {
            items: components["schemas"]["Schedule"][];
            next_cursor: string | null;
        };
        Session: {
            client: string;
            /** Format: date-time */
            creation_date: string;
            /** Format: date-time */
            expiration_date: string;
            identifier: string;
            is_current: boolean;
            /** Format: date-time */
            last_use_date: string;
        };
        SessionPage: {
            items: components["schemas"]["Session"][];
            next_cursor: string | null;
        };
        SignIn: {
            code?: string | null;
            password?: string | null;
            token?: string | null;
            user?: string | null;
        };
        Step: {
            command: string | string[];
            completion_date: string | null;
            exit_code: number | null;
            log_end: number | null;
            log_start: number;
            name: string;
            phase: string;
            start_date: string | null;
        };
        StepPage: {
            items: components["schemas"]["Step"][];
            next_cursor: string | null;
        };
        Stop: {
            delivered_date: string | null;
            killed_date: string | null;
            requested_by: string;
            /** Format: date-time */
            requested_date: string;
            survivors: components["schemas"]["Survivor"][];
            terminated_date: string | null;
            verified_date: string | null;
        };
        /** @enum {unknown} */
        Support: "full" | "not_supported" | "partial";
        Survivor: {
            command: string;
            pid: number;
        };
        /** @enum {unknown} */
        Table: "job" | "project" | "run" | "schedule" | "user" | "user_authentication" | "worker";
        TokenInput: {
            description?: string;
            expiration_date?: string | null;
            roles?: string[];
        };
        TriggerInput: {
            parameters?: Record<string, unknown>;
            priority?: number | null;
        };
        User: {
            /** Format: date-time */
            creation_date?: string;
            display_name: string;
            identifier: string;
            is_enabled?: boolean;
            roles?: string[];
            /** Format: date-time */
            update_date?: string;
        };
        UserChange: {
            display_name?: string;
            is_enabled?: boolean;
            roles?: string[];
        };
        UserInput: {
            display_name?: string;
            is_enabled?: boolean;
            roles?: string[];
        };
        UserPage: {
            items: components["schemas"]["User"][];
            next_cursor: string | null;
        };
        Verdict: {
            message: string;
            mismatches: components["schemas"]["Mismatch"][];
            reasons: components["schemas"]["Reason"][];
            verdict: components["schemas"]["Reason"];
            worker: string;
        };
        Worker: {
            active_runs: number;
            concurrency: number;
            connection_date: string | null;
            /** Format: date-time */
            creation_date: string;
            display_name: string;
            identifier: string;
            is_active: boolean;
            is_enabled: boolean;
            last_seen_date: string | null;
            note: string;
            owner: string;
            properties: Record<string, unknown>;
            protocol: number;
            should_disconnect: boolean;
            /** Format: date-time */
            update_date: string;
            version: string;
        };
        WorkerChange: {
            display_name?: string;
            is_enabled?: boolean;
            note?: string;
        };
        WorkerCounts: {
            active: number;
            enabled: number;
            slots: number;
            slots_used: number;
            total: number;
        };
        WorkerPage: {
            items: components["schemas"]["Worker"][];
            next_cursor: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getDocumentation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    applyConfiguration: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConfigurationInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Plan"];
                };
            };
        };
    };
    planConfiguration: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConfigurationInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Plan"];
                };
            };
        };
    };
    streamEvents: {
        parameters: {
            query?: {
                after?: number;
                topic?: string[];
            };
            header?: {
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
        };
    };
    importJobOrchestra: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobOrchestraImport"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportReport"];
                };
            };
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    listOwnTokens: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                order?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthenticationPage"];
                };
            };
        };
    };
    createOwnToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenInput"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewToken"];
                };
            };
        };
    };
    getOwnToken: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                identifier: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Authentication"];
                };
            };
            304: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    deleteOwnToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                identifier: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeOwnToken: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                identifier: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AuthenticationChange"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Authentication"];
                };
            };
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    signOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    setOwnPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OwnPassword"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    setPasswordByLink: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordByLink"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    reauthenticate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Reauthentication"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listOwnSessions: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                order?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionPage"];
                };
            };
        };
    };
    endOwnSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    endOwnSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                identifier: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getOpenapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    listProjects: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                managed_by?: string;
                order?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectPage"];
                };
            };
        };
    };
    getProject: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            304: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    putProject: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProjectInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            201: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    deleteProject: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeProject: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProjectChange"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: {
                cursor?: string;
                group?: string;
                is_enabled?: boolean;
                limit?: number;
                managed_by?: string;
                order?: string;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobPage"];
                };
            };
        };
    };
    getJob: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                job: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            304: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    putJob: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                job: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            201: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    deleteJob: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                job: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeJob: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                job: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobChange"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    listJobRevisions: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                order?: string;
            };
            header?: never;
            path: {
                job: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobRevisionPage"];
                };
            };
        };
    };
    getJobRevision: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job: string;
                project: string;
                revision: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobRevisionDetail"];
                };
            };
        };
    };
    getJobChanges: {
        parameters: {
            query?: {
                since?: number;
            };
            header?: never;
            path: {
                job: string;
                project: string;
                revision: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevisionChanges"];
                };
            };
        };
    };
    listRunsOfJob: {
        parameters: {
            query?: {
                created_after?: string;
                created_before?: string;
                cursor?: string;
                limit?: number;
                order?: string;
                q?: string;
                source?: string;
                status?: ("aborted" | "assigned" | "cancelled" | "exception" | "failed" | "pending" | "running" | "skipped" | "succeeded")[];
                worker?: string;
            };
            header?: never;
            path: {
                job: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunPage"];
                };
            };
        };
    };
    getRunByNumber: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                job: string;
                number: number;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
        };
    };
    triggerJob: {
        parameters: {
            query?: never;
            header?: {
                "Idempotency-Key"?: string;
            };
            path: {
                job: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["TriggerInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunInList"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunInList"];
                };
            };
        };
    };
    listRunsOfProject: {
        parameters: {
            query?: {
                created_after?: string;
                created_before?: string;
                cursor?: string;
                job?: string;
                limit?: number;
                order?: string;
                q?: string;
                source?: string;
                status?: ("aborted" | "assigned" | "cancelled" | "exception" | "failed" | "pending" | "running" | "skipped" | "succeeded")[];
                worker?: string;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunPage"];
                };
            };
        };
    };
    listSchedules: {
        parameters: {
            query?: {
                cursor?: string;
                is_enabled?: boolean;
                job?: string;
                limit?: number;
                managed_by?: string;
                order?: string;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SchedulePage"];
                };
            };
        };
    };
    getSchedule: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                project: string;
                schedule: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            304: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    putSchedule: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                project: string;
                schedule: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ScheduleInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            201: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
                };
            };
        };
    };
    deleteSchedule: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                project: string;
                schedule: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeSchedule: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                project: string;
                schedule: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ScheduleChange"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
                };
            };
        };
    };
    previewSchedule: {
        parameters: {
            query?: {
                after?: string;
                count?: number;
            };
            header?: never;
            path: {
                project: string;
                schedule: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Preview"];
                };
            };
        };
    };
    listRuns: {
        parameters: {
            query?: {
                created_after?: string;
                created_before?: string;
                cursor?: string;
                job?: string;
                limit?: number;
                order?: string;
                project?: string;
                q?: string;
                source?: string;
                status?: ("aborted" | "assigned" | "cancelled" | "exception" | "failed" | "pending" | "running" | "skipped" | "succeeded")[];
                worker?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunPage"];
                };
            };
        };
    };
    getRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
        };
    };
    deleteRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    abortRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunInList"];
                };
            };
        };
    };
    getArchive: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/zip": string;
                };
            };
        };
    };
    listArtifacts: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                order?: string;
            };
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactPage"];
                };
            };
        };
    };
    getArtifact: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
                "If-Range"?: string;
                Range?: string;
            };
            path: {
                path: string;
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            206: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            304: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    cancelRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunInList"];
                };
            };
        };
    };
    closeRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CloseInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunInList"];
                };
            };
        };
    };
    listEventsOfRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPage"];
                };
            };
        };
    };
    explainRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
        };
    };
    getLog: {
        parameters: {
            query?: never;
            header?: {
                Range?: string;
            };
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    getLogInfo: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogInfo"];
                };
            };
        };
    };
    getLogLines: {
        parameters: {
            query?: {
                cols?: number;
                count?: number;
                start?: number;
            };
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogWindow"];
                };
            };
        };
    };
    getLogLine: {
        parameters: {
            query?: never;
            header?: {
                Range?: string;
            };
            path: {
                line: number;
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    listLogSections: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogSectionPage"];
                };
            };
        };
    };
    streamLog: {
        parameters: {
            query?: {
                offset?: number;
            };
            header?: {
                "Last-Event-ID"?: string;
            };
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
        };
    };
    getResults: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    retryRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RetryInput"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunInList"];
                };
            };
        };
    };
    listSteps: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StepPage"];
                };
            };
        };
    };
    bulkRuns: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BulkInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BulkResult"];
                };
            };
        };
    };
    forecastSchedules: {
        parameters: {
            query?: {
                days?: number;
                project?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forecast"];
                };
            };
        };
    };
    previewExpression: {
        parameters: {
            query: {
                after?: string;
                count?: number;
                expression: string;
                schedule?: string;
                time_zone?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Preview"];
                };
            };
        };
    };
    search: {
        parameters: {
            query: {
                limit?: number;
                q: string;
                types?: ("job" | "project" | "run" | "schedule" | "user" | "worker")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hits"];
                };
            };
        };
    };
    listUsers: {
        parameters: {
            query?: {
                cursor?: string;
                is_enabled?: boolean;
                limit?: number;
                order?: string;
                role?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserPage"];
                };
            };
        };
    };
    getUser: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            304: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    putUser: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserInput"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            201: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    deleteUser: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeUser: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserChange"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    listAuthentications: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                order?: string;
            };
            header?: never;
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthenticationPage"];
                };
            };
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenInput"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewToken"];
                };
            };
        };
    };
    getAuthentication: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                identifier: string;
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Authentication"];
                };
            };
            304: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    deleteAuthentication: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                identifier: string;
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeAuthentication: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                identifier: string;
                user: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AuthenticationChange"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Authentication"];
                };
            };
        };
    };
    createLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Link"];
                };
            };
        };
    };
    setPassword: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Password"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listSessions: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                order?: string;
            };
            header?: never;
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionPage"];
                };
            };
        };
    };
    endSessions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listWorkers: {
        parameters: {
            query?: {
                cursor?: string;
                is_active?: boolean;
                is_enabled?: boolean;
                limit?: number;
                order?: string;
                owner?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerPage"];
                };
            };
        };
    };
    getWorker: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                worker: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Worker"];
                };
            };
            304: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    deleteWorker: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                worker: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeWorker: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
            };
            path: {
                worker: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WorkerChange"];
            };
        };
        responses: {
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Worker"];
                };
            };
        };
    };
    disconnectWorker: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                worker: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Worker"];
                };
            };
        };
    };
    isLive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    isReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
}
