// Into a Log Analytics workspace with Microsoft Sentinel: the table FlowLogs_CL, the ASIM parsers for it, and three
// analytics rules. Deploy it into the resource group of the workspace: see docs/consumers/sentinel.md.

@description('The workspace. Microsoft Sentinel is on in it.')
param workspaceName string
@description('Days that rows of FlowLogs_CL can be queried.')
@minValue(4)
@maxValue(730)
param retentionDays int = 90
@description('Whether the rules run from now on. Otherwise switch them on one by one in Sentinel.')
param enableRules bool = false

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

// `id` is a reserved name of a column, so the flow's id is FlowId.
var columns = loadJsonContent('FlowLogs_CL.columns.json')

resource table 'Microsoft.OperationalInsights/workspaces/tables@2025-07-01' = {
  parent: workspace
  name: 'FlowLogs_CL'
  properties: {
    plan: 'Analytics'
    retentionInDays: retentionDays
    schema: {
      name: 'FlowLogs_CL'
      columns: columns
    }
  }
}

var filterParameters = [
  'starttime:datetime=datetime(null)'
  'endtime:datetime=datetime(null)'
  'srcipaddr_has_any_prefix:dynamic=dynamic([])'
  'dstipaddr_has_any_prefix:dynamic=dynamic([])'
  'ipaddr_has_any_prefix:dynamic=dynamic([])'
  'dstportnumber:int=int(null)'
  'hostname_has_any:dynamic=dynamic([])'
  'dvcaction:dynamic=dynamic([])'
  'eventresult:string="*"'
  'disabled:bool=false'
]

resource filteringParser 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = {
  parent: workspace
  name: 'vimNetworkSessionFlowLogs'
  properties: {
    category: 'ASIM'
    displayName: 'Network sessions of FlowLogs_CL, with filters'
    functionAlias: 'vimNetworkSessionFlowLogs'
    functionParameters: join(filterParameters, ', ')
    query: loadTextContent('vimNetworkSessionFlowLogs.kql')
    version: 2
  }
  dependsOn: [table]
}

resource parser 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = {
  parent: workspace
  name: 'ASimNetworkSessionFlowLogs'
  properties: {
    category: 'ASIM'
    displayName: 'Network sessions of FlowLogs_CL'
    functionAlias: 'ASimNetworkSessionFlowLogs'
    functionParameters: 'disabled:bool=false'
    query: loadTextContent('ASimNetworkSessionFlowLogs.kql')
    version: 2
  }
  dependsOn: [filteringParser]
}

var rules = [
  {
    name: 'flow-logs-denied-burst'
    displayName: 'Flow logs: denied burst'
    description: 'One source was refused a hundred times or more at one destination within 15 minutes.'
    query: loadTextContent('rules/denied-burst.kql')
    severity: 'Low'
    frequency: 'PT15M'
    period: 'PT30M'
    tactics: ['Discovery', 'CredentialAccess']
    techniques: ['T1046', 'T1110']
    entities: ['SrcIpAddr', 'DstIpAddr']
  }
  {
    name: 'flow-logs-port-scan'
    displayName: 'Flow logs: port scan'
    description: 'One source tried fifty ports or more of one destination within 15 minutes.'
    query: loadTextContent('rules/port-scan.kql')
    severity: 'Medium'
    frequency: 'PT15M'
    period: 'PT30M'
    tactics: ['Reconnaissance', 'Discovery']
    techniques: ['T1595', 'T1046']
    entities: ['SrcIpAddr', 'DstIpAddr']
  }
  {
    name: 'flow-logs-new-outbound-port'
    displayName: 'Flow logs: new outbound port'
    description: 'A network sent allowed traffic to a port that none of its flows went to in the 13 days before.'
    query: loadTextContent('rules/new-outbound-port.kql')
    severity: 'Low'
    frequency: 'PT1H'
    period: 'P14D'
    tactics: ['CommandAndControl', 'Exfiltration']
    techniques: ['T1571', 'T1048']
    entities: []
  }
]

resource alertRules 'Microsoft.SecurityInsights/alertRules@2025-09-01' = [
  for rule in rules: {
    scope: workspace
    name: guid(workspace.id, rule.name)
    kind: 'Scheduled'
    properties: {
      displayName: rule.displayName
      description: rule.description
      enabled: enableRules
      severity: rule.severity
      query: rule.query
      queryFrequency: rule.frequency
      queryPeriod: rule.period
      triggerOperator: 'GreaterThan'
      triggerThreshold: 0
      suppressionDuration: 'PT5H'
      suppressionEnabled: false
      tactics: rule.tactics
      techniques: rule.techniques
      eventGroupingSettings: { aggregationKind: 'AlertPerResult' }
      entityMappings: empty(rule.entities)
        ? null
        : map(rule.entities, column => {
            entityType: 'IP'
            fieldMappings: [{ identifier: 'Address', columnName: column }]
          })
    }
    dependsOn: [parser]
  }
]
