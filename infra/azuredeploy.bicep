// What the button "Deploy to Azure" deploys: main.bicep with a few choices, and a released package of the app. It is
// compiled to azuredeploy.json (make template), which the portal reads, with the form createUiDefinition.json.

import { sizeType } from 'types.bicep'

@description('Region of the flow logs and of what forwards them.')
param location string = resourceGroup().location
@description('Ids of existing storage accounts with flow logs, in this region. None: a new account is made.')
param sourceAccountIds string[] = []
@description('small, or large for some hundred network interfaces and more.')
param size sizeType = 'small'
@description('Whether the app is in a virtual network, and public endpoints of all that is made are closed.')
param isPrivate bool = false
@description('How the app learns of appends. The web hook is not among them: it needs a second phase.')
param triggerSource ('StorageQueue' | 'EventHub' | 'Sweep') = 'StorageQueue'

// Where releases are published: template, form and package. It is written down in this one place.
var address = trim(loadTextContent('releaseAddress.txt'))

module forwarder 'main.bicep' = {
  params: {
    location: location
    sources: map(sourceAccountIds, id => { accountId: id })
    size: size
    isPrivate: isPrivate
    triggerSource: triggerSource
    packageUri: '${address}/app.zip'
  }
}

output APP_NAME string = forwarder.outputs.APP_NAME
output EVENT_HUB string = forwarder.outputs.EVENT_HUB
